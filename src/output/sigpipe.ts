/**
 * Distinguishes a SIGPIPE that another process sent from one that our own write raised. Node ignores SIGPIPE, but
 * because we listen for it (to forward it), each write of ours to a closed pipe also raises one, which the app must not
 * get.
 *
 * The kernel raises it in the writing thread, before write(2) returns EPIPE. After a write on the main thread the
 * signal's event is therefore due in the next poll of the event loop. After a write on a thread of the pool the event
 * may come before the result of the write. So writes on the pool are recorded while they are in flight, and a SIGPIPE
 * is ours if the reader of one is gone: opening a FIFO without a reader fails with ENXIO (fifo(7)).
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';

/** A write of ours on a thread of the pool. */
export interface PoolWrite {
  /** Call it when the write is done. `code` is that of write(2), if it failed. */
  settle(code?: string): void;
}

interface OwnWrites {
  /** Our own signals that have not arrived yet: each write that failed with EPIPE raised one. */
  readonly due: Set<object>;
  readonly inFlight: Set<{ readonly fd: number; readonly settled: Promise<boolean>; isCounted: boolean }>;
}

/** One per process: each file of the bundle has its own copy of this module. */
const KEY = Symbol.for('sd-ready-wrap: own writes');
const shared = globalThis as { [KEY]?: OwnWrites };
shared[KEY] ??= { due: new Set(), inFlight: new Set() };
const own = shared[KEY];

/** Call it if a write on the main thread failed with EPIPE, or may have; also a listener for a stream's 'error'. */
export function noteOwnEpipe(error: unknown = { code: 'EPIPE' }): void {
  if ((error as NodeJS.ErrnoException).code !== 'EPIPE') return;
  const signal = {};
  own.due.add(signal);
  // its event comes in this turn of the event loop or the next: a later SIGPIPE is from another process
  setImmediate(() => setImmediate(() => setImmediate(() => own.due.delete(signal))));
}

/** Call it before a write on the pool begins. */
export function beginPoolWrite(fd: number): PoolWrite {
  let resolve: (failed: boolean) => void = () => {};
  const write = { fd, settled: new Promise<boolean>((done) => (resolve = done)), isCounted: false };
  own.inFlight.add(write);
  return {
    settle(code) {
      own.inFlight.delete(write);
      if (code === 'EPIPE' && !write.isCounted) noteOwnEpipe();
      resolve(code === 'EPIPE');
    },
  };
}

/** Calls `deliver` if another process sent the SIGPIPE that has just arrived. */
export function ifSent(deliver: () => void): void {
  const [due] = own.due;
  if (due) return void own.due.delete(due);
  const writes = [...own.inFlight].filter(({ isCounted }) => !isCounted);
  const raised = writes.find(({ fd }) => hasReader(fd) === false);
  if (raised) {
    raised.isCounted = true;
    return;
  }
  // for a socket, such as the journal's, only the result of the write shows it, which may take as long as its reader
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

/** Whether a process has the other end of the pipe open; true for a file or terminal, undefined for a socket. */
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
