/**
 * Passes on what the app writes to a watched stream: byte for byte, in order, and no faster than the reader takes it,
 * so that a slow reader slows the app as a plain pipe would.
 *
 * It writes with fs.write, on a thread of the pool: process.stdout would block the event loop, and with it the signals,
 * whenever the descriptor is in blocking mode, which it shares with whoever else has it open.
 */
import { fstat, write } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Disposer } from '../core/clock.ts';
import { noteOwnEpipe } from './sigpipe.ts';

/** More than a pipe or socket can hold: what comes beyond was written after the app's death, by somebody else. */
const PIPE_HOLDS_AT_MOST = 4 * 1024 * 1024;

/** A disk that is full has room again later: only what is written now is lost, as it would be without us (write(2)). */
const FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Turns of the event loop without a byte after which the pipe is known to be empty: each turn polls it once. */
const QUIET_TURNS = 3;

export interface Relay {
  onPiece(listener: (piece: Uint8Array) => void): Disposer;
  /** Resolves when what is in the pipe now is passed on, also where somebody else holds its other end open. */
  drained(): Promise<void>;
}

/** @param onLost told once, by its error code, of a piece that there was no room for */
export function relay(source: Readable, fd: number, onLost: (code: string) => void = () => {}): Relay {
  const listeners = new Set<(piece: Uint8Array) => void>();
  let received = 0;
  let ended = false;
  let writing: Promise<void> | undefined;
  let complained = false;

  // the first use of the pool starts its threads: now, and not when the line comes that says ready
  fstat(fd, () => {});
  source.on('data', (piece: Buffer) => {
    received += piece.length;
    source.pause();
    const heard = listeners.size > 0;
    for (const listener of listeners) listener(piece);
    // READY=1 goes first where this piece made the app ready: the write can wait for a turn
    const turn = heard ? new Promise((resolve) => setImmediate(resolve)) : undefined;
    // Node makes a paused stream flow again when its child exits (flushStdio in child_process.js): one write at a time
    const before = writing;
    const pass = async () => {
      await before;
      await turn;
      await writeAll(fd, piece);
    };
    const passed: Promise<void> = pass()
      .catch(({ code }: NodeJS.ErrnoException) => {
        if (FULL.has(code)) {
          if (!complained) onLost(code as string);
          complained = true;
          return;
        }
        // the reader is gone: close our end, so that the app's next write fails as it would without us
        ended = true;
        source.destroy();
      })
      .then(() => {
        if (writing !== passed) return;
        writing = undefined;
        source.resume();
      });
    writing = passed;
  });
  const end = () => {
    ended = true;
  };
  source.on('end', end);
  source.on('close', end);
  source.on('error', end);

  return {
    onPiece(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async drained() {
      const limit = received + PIPE_HOLDS_AT_MOST;
      let quiet = 0;
      while (!ended && quiet < QUIET_TURNS && received < limit) {
        const before = received;
        await (writing ?? new Promise((resolve) => setImmediate(resolve)));
        quiet = received === before && writing === undefined ? quiet + 1 : 0;
      }
      await writing;
    },
  };
}

/** Writes all of it. Rejects when the other end is gone. */
async function writeAll(fd: number, piece: Uint8Array): Promise<void> {
  let offset = 0;
  let patience = 1;
  while (offset < piece.length) {
    try {
      offset += await writeOnce(fd, piece, offset);
      patience = 1;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') noteOwnEpipe();
      // somebody we share the descriptor with made it non-blocking: wait for room
      if (code !== 'EAGAIN') throw error;
      await new Promise((resolve) => setTimeout(resolve, patience));
      patience = Math.min(patience * 2, 20);
    }
  }
}

function writeOnce(fd: number, piece: Uint8Array, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, piece, offset, piece.length - offset, null, (error, written) => {
      if (error) reject(error);
      else resolve(written);
    });
  });
}
