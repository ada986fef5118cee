import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { channelEnvironment, openChannel } from '../../../src/app/ipc-channel.ts';
import { give, socketPair, take } from '../sockets.ts';

async function open() {
  const [ours, app] = await socketPair();
  const messages: unknown[] = [];
  let garbage = 0;
  const channel = openChannel(ours, () => {
    garbage += 1;
  });
  channel.onMessage((message) => messages.push(message));
  return {
    app,
    channel,
    messages,
    garbage: () => garbage,
    /** Resolves when everything written before has been read. */
    async flush() {
      const seen = new Promise<void>((resolve) => {
        const stop = channel.onMessage((message) => {
          if (message !== 'flush') return;
          stop();
          resolve();
        });
      });
      await give(app, '"flush"\n');
      await seen;
      messages.splice(messages.indexOf('flush'), 1);
    },
  };
}

describe('the IPC channel', () => {
  it('delivers every message, whole and in order', async () => {
    const { app, messages, flush } = await open();
    await give(app, '"ready"\n{"type":"ready","n":1}\n7\nnull\n');
    await flush();
    expect(messages).toEqual(['ready', { type: 'ready', n: 1 }, 7, null]);
  });

  it('joins pieces, also inside a character', async () => {
    // a socket would join the pieces again
    const stream = new PassThrough();
    const messages: unknown[] = [];
    openChannel(stream, () => expect.fail('garbage')).onMessage((message) => messages.push(message));
    for (const byte of Buffer.from('{"type":"grüße 🚀"}\n"b"\n')) stream.write(Uint8Array.of(byte));
    stream.end();
    await finished(stream);
    expect(messages).toEqual([{ type: 'grüße 🚀' }, 'b']);
  });

  it('skips garbage, reports it once, and delivers what follows', async () => {
    const { app, messages, garbage, flush } = await open();
    await give(app, 'garbage\n\n{"half":\n\0\n"ready"\nmore\n');
    await flush();
    expect(messages).toEqual(['ready']);
    expect(garbage()).toBe(1);
  });

  it('skips an overlong message, and delivers what follows', async () => {
    const { app, messages, garbage, flush } = await open();
    for (let n = 0; n < 2; n += 1) {
      // each piece of this one is a message by itself
      await give(app, `${'1'.repeat(5 * 1024 * 1024)}\n"after ${n}"\n`);
    }
    await flush();
    expect(messages).toEqual(['after 0', 'after 1']);
    expect(garbage()).toBe(1);
  });

  it('accepts a long message below the limit', async () => {
    const { app, messages, garbage, flush } = await open();
    const long = 'x'.repeat(900 * 1024);
    await give(app, `${JSON.stringify(long)}\n`);
    await flush();
    expect(messages).toEqual([long]);
    expect(garbage()).toBe(0);
  });

  it('acknowledges a handle, so that Node in the app goes on sending, and delivers its message', async () => {
    const { app, messages, flush } = await open();
    const answer = '{"cmd":"NODE_HANDLE_ACK"}\n';
    const answered = take(app, answer.length);
    await give(app, '{"cmd":"NODE_HANDLE","type":"net.Server","msg":"ready"}\n');
    expect((await answered).toString()).toBe(answer);
    await flush();
    expect(messages).toEqual(['ready']);
  });

  it("delivers a message of the app that resembles one of Node's internal messages", async () => {
    const { app, messages, flush } = await open();
    await give(app, '{"cmd":"start"}\n{"cmd":5}\n');
    await flush();
    expect(messages).toEqual([{ cmd: 'start' }, { cmd: 5 }]);
  });

  it('delivers a value that cannot be converted to a string like any other', async () => {
    const { app, messages, flush } = await open();
    const message = { cmd: { toString: 1, valueOf: 1 } };
    await give(app, `${JSON.stringify(message)}\n`);
    await flush();
    expect(messages).toEqual([message]);
  });

  it('calls every listener until it is removed', async () => {
    const { app, channel, messages, flush } = await open();
    const others: unknown[] = [];
    const stop = channel.onMessage((message) => others.push(message));
    await give(app, '1\n');
    await flush();
    stop();
    stop();
    await give(app, '2\n');
    await flush();
    expect(messages).toEqual([1, 2]);
    expect(others).toEqual([1, 'flush']);
  });

  it('accepts the end of the app’s side, even in the middle of a line', async () => {
    const { app, messages, garbage, flush } = await open();
    await flush();
    const closed = new Promise((resolve) => app.once('close', resolve));
    await give(app, '"half');
    app.resetAndDestroy();
    await closed;
    expect(messages).toEqual([]);
    expect(garbage()).toBe(0);
  });

  it('the app finds it by these variables', () => {
    expect(channelEnvironment(3)).toEqual({ NODE_CHANNEL_FD: '3', NODE_CHANNEL_SERIALIZATION_MODE: 'json' });
  });
});
