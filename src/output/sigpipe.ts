/**
 * Tells a SIGPIPE that another process sent from one that a write of our own raised. Node ignores SIGPIPE, but as we
 * listen for it (to forward it), each of our writes to a closed pipe raises one too, and the app must not get that.
 *
 * The kernel raises it in the thread that writes, before write(2) returns EPIPE. After a write on the main thread the
 * signal's event is therefore due in the next poll of the event loop. After a write on a thread of the pool the event
 * may come before the result of the write. So writes on the pool are known while they are under way, and the kernel is
 * asked whether the reader of one has gone: opening a FIFO without a reader fails with ENXIO (fifo(7)).
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';

/** A write of our own on a thread of the pool. */
export interface PoolWrite {
  /** It is over. `code` is that of write(2), if it failed. */
  settle(code?: string): void;
}

interface OwnWrites {
  /** Signals of ours that are due: each write that failed with EPIPE raised one. */
  readonly due: Set<object>;
  readonly underWay: Set<{ readonly fd: number; readonly settled: Promise<boolean>; isCounted: boolean }>;
}

/** One for the process: the bundle has this module in each of its files. */
const KEY = Symbol.for('sd-ready-wrap: own writes');
const shared = globalThis as { [KEY]?: OwnWrites };
shared[KEY] ??= { due: new Set(), underWay: new Set() };
const own = shared[KEY];

/** One of our own writes on the main thread has just failed with EPIPE, or may have: for the errors of a stream. */
export function noteOwnEpipe(error: unknown = { code: 'EPIPE' }): void {
  if ((error as NodeJS.ErrnoException).code !== 'EPIPE') return;
  const signal = {};
  own.due.add(signal);
  // its event is read by the poll of this turn of the loop or of the next: a later one is of another process
  setImmediate(() => setImmediate(() => setImmediate(() => own.due.delete(signal))));
}

/** Call it before a write on the pool begins. */
export function beginPoolWrite(fd: number): PoolWrite {
  let resolve: (failed: boolean) => void = () => {};
  const write = { fd, settled: new Promise<boolean>((done) => (resolve = done)), isCounted: false };
  own.underWay.add(write);
  return {
    settle(code) {
      own.underWay.delete(write);
      if (code === 'EPIPE' && !write.isCounted) noteOwnEpipe();
      resolve(code === 'EPIPE');
    },
  };
}

/** Calls back if the SIGPIPE that has just arrived was sent by another process. */
export function ifSent(deliver: () => void): void {
  const [due] = own.due;
  if (due) return void own.due.delete(due);
  const writes = [...own.underWay].filter(({ isCounted }) => !isCounted);
  const raised = writes.find(({ fd }) => hasReader(fd) === false);
  if (raised) {
    raised.isCounted = true;
    return;
  }
  // of a socket, such as the journal's, the write itself tells, which lasts as long as its reader stalls
  const unsure = writes.filter(({ fd }) => hasReader(fd) === undefined);
  if (unsure.length === 0) {
    deliver();
    return;
  }
  for (const write of unsure) write.isCounted = true;
  void Promise.all(unsure.map(({ settled }) => settled)).then((failed) => {
    if (!failed.includes(true)) deliver();
  });
}

/** Whether a process has the other end of the pipe open; undefined of what is not a pipe. */
function hasReader(fd: number): boolean | undefined {
  try {
    const stat = fstatSync(fd);
    if (stat.isFile() || stat.isCharacterDevice()) return true;
    if (!stat.isFIFO()) return undefined;
    closeSync(openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK));
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENXIO' ? false : undefined;
  }
}
