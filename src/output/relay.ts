/**
 * Passes on what the app writes to a watched stream: byte for byte, in order, and no faster than the reader takes it,
 * so that a slow reader slows the app as a plain pipe would.
 */
import type { Readable } from 'node:stream';
import type { Disposer } from '../base/clock.ts';
import type { Cat } from './cat.ts';
import { startLastReader } from './last-reader.ts';
import { createOutlet } from './outlet.ts';

/** More than a pipe or socket can hold: what comes beyond was written after the app's death, by somebody else. */
const PIPE_HOLDS_AT_MOST = 4 * 1024 * 1024;

/** Turns of the event loop without a byte after which the pipe is known to be empty: each turn polls it once. */
const QUIET_TURNS = 3;

/** So much waits for the reader with us, bytes; what the app writes beyond waits in its socket. */
const HELD_MAX = 256 * 1024;

export interface Relay {
  onPiece(listener: (piece: Uint8Array) => void): Disposer;
  /**
   * Resolves when what is in the pipe now is passed on. Where another process holds its other end open, a process of
   * its own reads on by then.
   */
  drained(): Promise<void>;
}

/**
 * @param startCat takes over from us once the last listener has gone; it gives none where listeners may come again
 * @param onLost told once, by its error code, that there was no room for what the app wrote
 * @param onUnread told why a process that still writes to the stream will have no reader
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
  /** Nobody listens any more, and nobody will. */
  let isUnheard = false;
  let cat: Cat | undefined;
  // our end is closed, so that the app's next write fails as it would without us
  const close = () => {
    ended = true;
    source.destroy();
  };
  let complained = false;
  const lost = (code: string) => {
    if (!complained) onLost(code);
    complained = true;
  };
  const outlet = createOutlet(fd, {
    onEmpty: () => {
      if (cat) return;
      source.resume();
      if (isUnheard) setImmediate(handOver);
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

  /** In a turn of its own: a stream that has just told of a piece is about to read on. */
  const handOver = () => {
    // paused: it is asked again when all is written
    if (!isUnheard || ended || source.readableFlowing !== true || source.readableLength > 0) return;
    isUnheard = false;
    const mine = startCat?.();
    cat = mine;
    if (!mine) return void source.resume();
    void mine.stands.then(() => outlet.written()).then(() => mine.begin());
    void mine.ended.then((how) => {
      if (how === 'done' || outlet.gone) return close();
      if (how === 'full') lost('ENOSPC');
      cat = undefined;
      if (how !== 'left') source.resume();
    });
  };
  /** What was read already goes first; what is written meanwhile waits in the socket. */
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
        isUnheard = true;
        // READY=1 goes first
        setImmediate(handOver);
      };
    },
    async drained() {
      isUnheard = false;
      if ((await cat?.leave(PIPE_HOLDS_AT_MOST)) === 'left') return readOn();
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
