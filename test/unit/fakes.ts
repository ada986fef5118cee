import { resolve } from 'node:path';

/** Fakes of the adapters: a clock that a test advances, an app that a test controls, and recorders. */

import type { App, AppOutput, OutputStream } from '../../src/app/types.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { ExitStatus } from '../../src/base/exit-status.ts';
import type { Log, LogLevel } from '../../src/log/types.ts';
import type { AppNotice } from '../../src/notify/parse.ts';
import type { NotifyState } from '../../src/notify/state.ts';
import type { Notifier } from '../../src/notify/types.ts';
import type { ProbeContext } from '../../src/probes/context.ts';
import { fileStamp } from '../../src/probes/file-stamp.ts';
import type { Acceptance, ListeningSocket, Ownership } from '../../src/sockets/ownership.ts';

export interface FakeClock extends Clock {
  /** Advances the time: calls what is due, in order. */
  advance(ms: number): void;
  /** The number of pending timers. */
  readonly pending: number;
}

export function fakeClock(start = 0): FakeClock {
  let time = start;
  const timers = new Set<{ readonly due: number; readonly callback: () => void }>();
  const earliest = () => [...timers].sort((a, b) => a.due - b.due)[0];
  return {
    now: () => time,
    after(ms, callback) {
      if (ms === Number.POSITIVE_INFINITY) return () => {};
      const timer = { due: time + ms, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const end = time + ms;
      for (let timer = earliest(); timer && timer.due <= end; timer = earliest()) {
        time = timer.due;
        timers.delete(timer);
        timer.callback();
      }
      time = end;
    },
    get pending() {
      return timers.size;
    },
  };
}

/** Runs everything that can run without time or I/O. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** Whether a promise has settled by now. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol('open');
  await settle();
  return (await Promise.race([promise, Promise.resolve(open)])) !== open;
}

export interface FakeSigns extends AppOutput {
  write(stream: OutputStream, piece: string | Uint8Array): void;
  say(message: unknown): void;
  writeTo(fd: number, piece: string | 'end'): void;
  /** The number of listeners left. */
  readonly listeners: number;
}

export function fakeSigns(): FakeSigns {
  const output = { stdout: new Set<(piece: Uint8Array) => void>(), stderr: new Set<(piece: Uint8Array) => void>() };
  const messages = new Set<(message: unknown) => void>();
  const descriptors = new Map<number, Set<(piece: Uint8Array | 'end') => void>>();
  const descriptor = (fd: number) => {
    const found = descriptors.get(fd) ?? new Set();
    descriptors.set(fd, found);
    return found;
  };
  return {
    onDescriptor(fd, listener) {
      descriptor(fd).add(listener);
      return () => descriptor(fd).delete(listener);
    },
    writeTo(fd, piece) {
      for (const listener of descriptor(fd)) listener(piece === 'end' ? piece : Buffer.from(piece));
    },
    onOutput(stream, listener) {
      output[stream].add(listener);
      return () => output[stream].delete(listener);
    },
    onMessage(listener) {
      messages.add(listener);
      return () => messages.delete(listener);
    },
    write(stream, piece) {
      for (const listener of output[stream]) listener(typeof piece === 'string' ? Buffer.from(piece) : piece);
    },
    say(message) {
      for (const listener of messages) listener(message);
    },
    get listeners() {
      const onDescriptors = [...descriptors.values()].reduce((sum, { size }) => sum + size, 0);
      return output.stdout.size + output.stderr.size + messages.size + onDescriptors;
    },
  };
}

export interface FakeContext extends ProbeContext {
  readonly app: FakeSigns;
  readonly clock: FakeClock;
  readonly warnings: string[];
  /** Lets the app send a datagram to its notify socket. */
  notice(notice: Partial<AppNotice>): void;
  /** The process that accepts a connection, and the sockets on which the app has begun to listen. */
  owner: Ownership | undefined;
  acceptor: Acceptance;
  readonly appListens: ListeningSocket[];
  /** The state of the files before the start. */
  readonly before: Map<string, string>;
  /** Their present state; the real one if not given. */
  readonly files: Map<string, string>;
}

/** The context of a probe. All listeners belong to the app unless `owner` says otherwise. */
export function fakeContext(): FakeContext {
  const notices = new Set<(notice: AppNotice) => void>();
  const warnings: string[] = [];
  const appListens: ListeningSocket[] = [];
  const before = new Map<string, string>();
  const files = new Map<string, string>();
  const context: FakeContext = {
    app: fakeSigns(),
    clock: fakeClock(),
    timing: { initialDelay: 0, interval: 20, attemptTimeout: 1000 },
    warn: (message) => warnings.push(message),
    warnings,
    debug: () => {},
    notices: {
      onNotice(listener) {
        notices.add(listener);
        return () => notices.delete(listener);
      },
    },
    notice(notice) {
      const whole = { ready: false, stopping: false, reloading: undefined, rest: [], dropped: [], ...notice };
      for (const listener of notices) listener(whole);
    },
    owner: { by: 'app' },
    acceptor: { by: 'app', seenBy: 'netlink', spent: 0 },
    appListens,
    listeners: {
      ownerOf: () => context.owner,
      ownerOfPath: () => context.owner,
      acceptorOf: async () => context.acceptor,
      inherits: () => false,
      isSamePath: (one, other) => resolve(one) === resolve(other),
      ofApp: () => () => [...appListens],
    },
    before,
    files,
    stamp: (path) => files.get(path) ?? fileStamp(path),
    stampBefore: (path) => before.get(path),
    env: { PATH: '/usr/bin:/bin' },
  };
  return context;
}

export interface FakeApp extends App {
  /** The kernel knows of its death, the wrapper does not yet. */
  becomeZombie(): void;
  die(status: ExitStatus): void;
  finishDraining(): void;
}

/** @param trace records what is done to the app */
export function fakeApp(
  trace: string[],
  { pid = 42, killError = '', obstacle = undefined as string | undefined } = {},
): FakeApp {
  let alive = true;
  let die: (status: ExitStatus) => void = () => {};
  let finishDraining = () => {};
  const exited = new Promise<ExitStatus>((resolve) => {
    die = resolve;
  });
  const drained = new Promise<void>((resolve) => {
    finishDraining = resolve;
  });
  return {
    ...fakeSigns(),
    pid,
    exited,
    async orphan() {
      trace.push('orphan');
      return obstacle;
    },
    onTrouble() {},
    drained: () => drained,
    isAlive: () => alive,
    kill(signal) {
      trace.push(`kill ${signal}`);
      return killError === '' ? undefined : killError;
    },
    becomeZombie() {
      alive = false;
    },
    die(status) {
      alive = false;
      die(status);
    },
    finishDraining: () => finishDraining(),
  };
}

export function fakeNotifier(trace: string[]): Notifier {
  return {
    send: (state: NotifyState) => void trace.push(`notify ${state.join(' | ')}`),
    sent: async () => {},
    close: () => void trace.push('close'),
  };
}

export function fakeLog(trace: string[]): Log {
  return {
    write: (level: LogLevel, event: string, message: string) => void trace.push(`${level} ${event}: ${message}`),
    end: async () => {},
  };
}
