/** The app's messages on the Node IPC channel. */
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { openChannel } from '../../src/app/ipc-channel.ts';
import { noticeOf } from '../../src/app/ipc-notices.ts';
import { CLIENT_MESSAGE } from '../../src/notify/client-protocol.ts';
import { ipcProbe } from '../../src/probes/ipc.ts';
import { fakeContext } from '../unit/fakes.ts';
import { anyText, assertOneLine, bounded, pieces, property, text } from './property.ts';

const object = fc.record({
  cmd: fc.oneof(fc.constantFrom('NODE_HANDLE', 'NODE_X', 'start'), fc.jsonValue(), unprintable()),
  msg: fc.jsonValue(),
});
const message = fc.oneof(
  fc.jsonValue(),
  object,
  fc.record({ type: fc.oneof(fc.constant(CLIENT_MESSAGE), unprintable()), state: fc.oneof(text(), fc.jsonValue()) }),
);

/** A value that cannot be converted to a string. */
function unprintable(): fc.Arbitrary<unknown> {
  return fc.record({ toString: fc.jsonValue(), valueOf: fc.jsonValue() });
}

/** A channel, the messages received on it, and how often garbage was reported. */
function channel() {
  const socket = new EventEmitter();
  const answers: string[] = [];
  const heard: unknown[] = [];
  let garbage = 0;
  let isPaused = false;
  Object.assign(socket, {
    write: (answer: string) => answers.push(answer),
    pause: () => {
      isPaused = true;
    },
    resume: () => {
      isPaused = false;
    },
  });
  openChannel(socket as unknown as Duplex, () => {
    garbage += 1;
  }).onMessage((each) => heard.push(each));
  /** Resolves when all of it is read: a flood takes several turns of the event loop. */
  const take = async (piece: Buffer) => {
    bounded(() => socket.emit('data', piece));
    while (isPaused) await new Promise((resolve) => setImmediate(resolve));
  };
  return { take, answers, heard, garbage: () => garbage };
}

const messages = fc.array(message, { maxLength: 4 }).chain((all) =>
  pieces(fc.constant(Buffer.from(all.map((each) => `${JSON.stringify(each)}\n`).join('')))).map((cut) => ({
    all,
    ...cut,
  })),
);

property(
  'IPC messages: each arrives as it was sent, wherever the bytes are cut',
  messages,
  async ({ all, pieces: cut }) => {
    const { take, heard, answers, garbage } = channel();
    for (const piece of cut) await take(piece);
    const isInternal = ({ cmd }: { cmd?: unknown }) => typeof cmd === 'string' && cmd.startsWith('NODE_');
    const sent = all.map((each) => JSON.parse(JSON.stringify(each)));
    expect(heard).toEqual(sent.map((each) => (isInternal(Object(each)) ? each.msg : each)));
    expect(answers.length).toBe(sent.filter((each) => Object(each).cmd === 'NODE_HANDLE').length);
    expect(garbage()).toBe(0);
  },
);

property(
  'IPC messages: a message after any garbage arrives',
  pieces(anyText().map(Buffer.from)),
  async ({ whole, pieces: cut }) => {
    const { take, heard, garbage } = channel();
    for (const piece of cut) await take(piece);
    const lines = new TextDecoder().decode(whole).split('\n').slice(0, -1);
    expect(heard.length).toBeLessThanOrEqual(lines.length);
    expect(garbage()).toBeLessThanOrEqual(1);
    await take(Buffer.from('\n"and then"\n'));
    expect(heard.at(-1)).toBe('and then');
  },
);

property(
  'IPC messages: each is or is not a notification, and is or is not a readiness signal',
  fc.oneof(message, anyText()),
  (each) => {
    const notice = bounded(() => noticeOf(each));
    for (const line of notice?.rest ?? []) expect(line).toMatch(/^[A-Z_]+=/);
    const context = fakeContext();
    const probe = ipcProbe({ kind: 'ipc', word: 'ready' }, context);
    void probe.wait(new AbortController().signal);
    bounded(() => context.app.say(each));
    assertOneLine(probe.reason);
  },
);
