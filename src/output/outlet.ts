/**
 * Writes to a shared descriptor, in order, without blocking the event loop.
 *
 * A pipe or a terminal is opened anew: the new descriptor has its own flags (open(2)), so it can be non-blocking and be
 * written at once. If it has no room, fs.writev writes on a thread of the pool, which waits for the reader.
 * process.stdout would set O_NONBLOCK for all processes, or would block us and delay signals.
 */
import { fstat, writev, writevSync } from 'node:fs';
import { reopen } from '../base/files.ts';
import { pause } from '../base/real-clock.ts';
import { beginPoolWrite, noteOwnEpipe } from './sigpipe.ts';

export interface Outlet {
  /** Writes it in a later turn of the event loop, so that this turn's listeners come first. */
  put(piece: Uint8Array): void;
  /** How much is not written yet, bytes. */
  readonly held: number;
  /** The other end is gone. */
  readonly gone: boolean;
  /** Resolves when nothing is held: all was written, or the other end is gone. */
  written(): Promise<void>;
}

/** A full disk may have room later: only these bytes are lost, as they would be without us (write(2)). */
const FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export interface OutletEvents {
  /** All bytes are written. */
  readonly onEmpty: () => void;
  /** The other end is gone, and held bytes are lost. */
  readonly onGone: () => void;
  /** There was no room for held bytes; `code` is that of write(2). */
  readonly onLost: (code: string) => void;
}

/**
 * @param mayStall whether a write may wait for its reader without limit; a waiting thread keeps the process from
 * exiting
 */
export function createOutlet(fd: number, { onEmpty, onGone, onLost }: OutletEvents, mayStall = true): Outlet {
  const ready = reopen(fd);
  // the first use of the pool starts its threads: do it now, and not when the line of readiness comes
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

  /** Also writes pieces that are added meanwhile. */
  const writeAll = async () => {
    let delay = 1;
    while (queue.length > 0) {
      try {
        take(await writeOnThread(mayStall ? fd : (ready ?? fd), queue.slice()));
        delay = 1;
      } catch (error) {
        const code = codeOf(error);
        if (FULL.has(code)) {
          take(held);
          onLost(code as string);
          continue;
        }
        // another process has made the shared descriptor non-blocking: wait for room
        if (code !== 'EAGAIN') throw error;
        await pause(delay);
        delay = Math.min(delay * 2, 20);
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
