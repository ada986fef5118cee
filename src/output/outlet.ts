/**
 * Writes to a descriptor that others share with us, in order, without ever holding up the event loop.
 *
 * Where it can be opened anew, as a pipe and a terminal can, that is done: such a descriptor has flags of its own
 * (open(2)), so it is made non-blocking and written to at once. What there is no room for is written by fs.writev, on a
 * thread of the pool, which waits for the reader; process.stdout would set O_NONBLOCK for everybody, or block us and
 * with us the signals.
 */
import { fstat, writev, writevSync } from 'node:fs';
import { reopen } from '../base/files.ts';
import { pause } from '../base/real-clock.ts';
import { beginPoolWrite, noteOwnEpipe } from './sigpipe.ts';

export interface Outlet {
  /** To be written in a later turn of the event loop: whoever must be told of it first has this one. */
  put(piece: Uint8Array): void;
  /** What was put and is not written yet, bytes. */
  readonly held: number;
  /** The other end is gone. */
  readonly gone: boolean;
  /** Resolves when nothing is held: all was written, or the other end is gone. */
  written(): Promise<void>;
}

/** A disk that is full has room again later: only what is written now is lost, as it would be without us (write(2)). */
const FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export interface OutletEvents {
  /** All that was put is written. */
  readonly onEmpty: () => void;
  /** The other end is gone, and what was held with it. */
  readonly onGone: () => void;
  /** There was no room for what was held, by the code of write(2). */
  readonly onLost: (code: string) => void;
}

/**
 * @param mayStall whether a write may wait for its reader as long as that takes; a thread that does keeps the process
 * from exiting
 */
export function createOutlet(fd: number, { onEmpty, onGone, onLost }: OutletEvents, mayStall = true): Outlet {
  const ready = reopen(fd);
  // the first use of the pool starts its threads: now, and not when the line comes that says ready
  if (ready === undefined) fstat(fd, () => {});
  let queue: Uint8Array[] = [];
  let held = 0;
  let scheduled = false;
  let writing: Promise<void> | undefined;
  let gone = false;

  const take = (length: number) => {
    held -= length;
    let left = length;
    while (left > 0) {
      const first = queue[0] as Uint8Array;
      if (first.length > left) queue[0] = first.subarray(left);
      else queue.shift();
      left -= Math.min(left, first.length);
    }
  };
  const lose = () => {
    gone = true;
    queue = [];
    held = 0;
    onGone();
  };

  const write = () => {
    scheduled = false;
    if (writing || queue.length === 0) return;
    if (ready !== undefined) {
      try {
        take(writevSync(ready, queue));
      } catch (error) {
        const code = codeOf(error);
        if (code !== 'EAGAIN' && !FULL.has(code)) {
          noteOwnEpipe(error);
          return lose();
        }
      }
    }
    if (queue.length === 0) return onEmpty();
    writing = writeAll().then(onEmpty, lose);
  };

  /** Until nothing is left, with what is put meanwhile. */
  const writeAll = async () => {
    let patience = 1;
    while (queue.length > 0) {
      try {
        take(await writeOnThread(mayStall ? fd : (ready ?? fd), queue.slice()));
        patience = 1;
      } catch (error) {
        const code = codeOf(error);
        if (FULL.has(code)) {
          take(held);
          onLost(code as string);
          continue;
        }
        // somebody we share the descriptor with made it non-blocking: wait for room
        if (code !== 'EAGAIN') throw error;
        await pause(patience);
        patience = Math.min(patience * 2, 20);
      }
    }
    writing = undefined;
  };

  return {
    put(piece) {
      if (gone) return;
      queue.push(piece);
      held += piece.length;
      if (!scheduled) setImmediate(write);
      scheduled = true;
    },
    get held() {
      return held;
    },
    get gone() {
      return gone;
    },
    async written() {
      while (held > 0) await (writing ?? new Promise((resolve) => setImmediate(resolve)));
    },
  };
}

function writeOnThread(fd: number, pieces: readonly Uint8Array[]): Promise<number> {
  const write = beginPoolWrite(fd);
  return new Promise((resolve, reject) => {
    writev(fd, pieces, (error, written) => {
      write.settle(error?.code);
      if (error) reject(error);
      else resolve(written);
    });
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
