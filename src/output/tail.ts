/** The end of what an app wrote to a watched stream: what it says of its own failure. */
import { stripVTControlCharacters } from 'node:util';
import type { Disposer } from '../base/clock.ts';

/** Of each stream so much is kept, bytes. */
const TAIL_MAX = 4096;

/** The most that is quoted, characters. */
const LINE_MAX = 200;

/** `Error: listen EACCES`, `error: no such table`; not a line of a stack trace. */
const TELLS = /\b[Ee]rror\b|\BError\b|\bERROR\b|\bE[A-Z]{3,}\b/;

export interface Tail {
  /** The last line that tells of an error, or the last of all; undefined where there is none. */
  lastLine(): string | undefined;
  readonly stop: Disposer;
}

/** @param listen hands each piece of the streams to its listener, in order */
export function keepTail(listen: (listener: (piece: Uint8Array) => void) => Disposer): Tail {
  let tail: Buffer = Buffer.alloc(0);
  const stop = listen((piece) => {
    tail = Buffer.concat([tail, piece]).subarray(-TAIL_MAX);
  });
  return {
    stop,
    lastLine() {
      const lines = stripVTControlCharacters(tail.toString())
        .split(/[\r\n]+/)
        .map((line) => line.trim())
        .filter(Boolean);
      const found = lines.findLast((line) => TELLS.test(line) && !line.startsWith('at ')) ?? lines.at(-1);
      return found?.slice(0, LINE_MAX);
    },
  };
}
