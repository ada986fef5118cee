/** Keeps the end of the app's output on watched streams, to quote the app's own error message. */
import type { Disposer } from '../base/clock.ts';
import { withoutControlSequences } from '../base/control-sequences.ts';

/** How much is kept, bytes. */
const TAIL_MAX = 4096;

/** The longest quote, characters. */
const LINE_MAX = 200;

/** Matches `Error: listen EACCES`, `error: no such table`. */
const ERROR_LINE = /\b[Ee]rror\b|\BError\b|\bERROR\b|\bE[A-Z]{3,}\b/;

export interface Tail {
  /** The last line with an error, not of a stack trace; else the last line; undefined without output. */
  lastLine(): string | undefined;
  readonly stop: Disposer;
}

/** @param listen calls its listener with each piece of the streams, in order */
export function keepTail(listen: (listener: (piece: Uint8Array) => void) => Disposer): Tail {
  let tail: Buffer = Buffer.alloc(0);
  const stop = listen((piece) => {
    tail = Buffer.concat([tail, piece]).subarray(-TAIL_MAX);
  });
  return {
    stop,
    lastLine() {
      const lines = withoutControlSequences(tail.toString())
        .split(/[\r\n]+/)
        .map((line) => line.trim())
        .filter(Boolean);
      const found = lines.findLast((line) => ERROR_LINE.test(line) && !line.startsWith('at ')) ?? lines.at(-1);
      return found?.slice(0, LINE_MAX);
    },
  };
}
