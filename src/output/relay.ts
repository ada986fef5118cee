/**
 * Relays a watched stream byte for byte and in order. It reads no faster than the reader does, so that a slow reader
 * slows the app as a plain pipe would.
 */
import type { Readable } from 'node:stream';
import type { Disposer } from '../base/clock.ts';
import type { Cat } from './cat.ts';
import { startLastReader } from './last-reader.ts';
import { createOutlet } from './outlet.ts';

/** More than a pipe or socket can hold, bytes: later bytes were written after the app's exit, by another process. */
const PIPE_HOLDS_AT_MOST = 4 * 1024 * 1024;

/** After this many turns of the event loop without a byte the pipe is empty: each turn polls it once. */
const QUIET_TURNS = 3;

/** How much is buffered here for the reader, bytes; further bytes wait in the app's socket. */
const HELD_MAX = 256 * 1024;

export interface Relay {
  onPiece(listener: (piece: Uint8Array) => void): Disposer;
  /**
   * Resolves when all that is in the pipe now is relayed. If another process holds the other end open, a separate
   * process reads on by then (last-reader.ts).
   */
  drained(): Promise<void>;
}

/**
 * @param startCat called when the last listener is removed; returns none if listeners may be added again
 * @param onLost called once, with the error code, if there was no room for the app's output
 * @param onUnread called with the reason if a process that still writes to the stream will have no reader
 */
export function relay(
  source: Readable,
  fd: number,
  startCat?: () => Cat | undefined,
  onLost: (code: string) => void = () => {},
  onUnread: (problem: string) => void = () => {},
): Relay {
  const listeners = new Set<(piece: Uint8Array) => void>();
  let received = 0;
  let ended = false;
  /** Whether the last listener was removed, and cat is to take over. */
  let isUnwatched = false;
  let cat: Cat | undefined;
  // closes our end, so that the app's next write fails as it would without us
  const close = () => {
    ended = true;
    source.destroy();
  };
  let isReported = false;
  const lost = (code: string) => {
    if (!isReported) onLost(code);
    isReported = true;
  };
  const outlet = createOutlet(fd, {
    onEmpty: () => {
      if (cat) return;
      source.resume();
      if (isUnwatched) setImmediate(handOver);
    },
    onGone: () => {
      cat?.stop();
      close();
    },
    onLost: lost,
  });

  source.on('data', (piece: Buffer) => {
    received += piece.length;
    outlet.put(piece);
    if (outlet.held > HELD_MAX) source.pause();
    for (const listener of listeners) listener(piece);
  });

  /** Call it in a new turn of the event loop: a stream that just emitted data is about to read on. */
  const handOver = () => {
    // if it is paused, onEmpty calls this again
    if (!isUnwatched || ended || source.readableFlowing !== true || source.readableLength > 0) return;
    isUnwatched = false;
    const mine = startCat?.();
    cat = mine;
    if (!mine) return void source.resume();
    void mine.ready.then(() => outlet.written()).then(() => mine.begin());
    void mine.ended.then((how) => {
      if (how === 'done' || outlet.gone) return close();
      if (how === 'full') lost('ENOSPC');
      cat = undefined;
      if (how !== 'left') source.resume();
    });
  };
  /** Writes all buffered bytes first; new ones wait in the socket. */
  const readOn = async () => {
    source.pause();
    while (source.read() !== null) await outlet.written();
    const problem = ended || outlet.gone ? undefined : await startLastReader(source, fd);
    if (problem !== undefined) onUnread(problem);
  };
  const end = () => {
    ended = true;
  };
  source.on('end', end);
  source.on('close', end);
  source.on('error', end);

  return {
    onPiece(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0 || !startCat) return;
        isUnwatched = true;
        // READY=1 goes first
        setImmediate(handOver);
      };
    },
    async drained() {
      isUnwatched = false;
      if ((await cat?.finish(PIPE_HOLDS_AT_MOST)) === 'left') return readOn();
      const limit = received + PIPE_HOLDS_AT_MOST;
      let quiet = 0;
      while (!ended && quiet < QUIET_TURNS && received < limit) {
        const before = received;
        await outlet.written();
        await new Promise((resolve) => setImmediate(resolve));
        quiet = received === before ? quiet + 1 : 0;
      }
      await outlet.written();
      if (!ended) await readOn();
    },
  };
}
