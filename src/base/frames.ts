/** Cuts a stream into frames that end with one byte: so many in a turn of the event loop that a flood stops nothing. */
import type { Readable } from 'node:stream';

/** In one turn. Signals and timers come between two turns. */
const BUDGET = 100;

/** After so many turns in a row that were not enough, a pause goes before the next, ms: a flood gets part of a core. */
const PATIENT_TURNS = 20;
const PAUSE = 4;

export interface FrameRules {
  /** The byte behind each frame: 0, or 10 for lines. */
  readonly end: number;
  /** A longer one is passed over, bytes. */
  readonly most: number;
  /** Without the byte at its end. Good until it returns. */
  readonly onFrame: (frame: Uint8Array) => void;
  /** One was passed over. */
  readonly onTooLong: () => void;
}

/** While frames wait, the stream is not read: what its writer writes then waits with the writer. */
export function readFrames(source: Readable, { end, most, onFrame, onTooLong }: FrameRules): void {
  let rest: Buffer = Buffer.alloc(0);
  /** Of the frame that `rest` begins with, what came before was too long already. */
  let isSkipping = false;
  let turns = 0;
  const next = () => {
    for (let left = BUDGET; left > 0; left -= 1) {
      const at = rest.indexOf(end);
      if (at < 0) {
        if (rest.length > most) {
          if (!isSkipping) onTooLong();
          isSkipping = true;
          rest = Buffer.alloc(0);
        }
        turns = 0;
        return void source.resume();
      }
      const frame = rest.subarray(0, at);
      rest = rest.subarray(at + 1);
      if (!isSkipping) onFrame(frame);
      isSkipping = false;
    }
    source.pause();
    turns += 1;
    if (turns < PATIENT_TURNS) setImmediate(next);
    else setTimeout(next, PAUSE);
  };
  source.on('data', (piece: Buffer) => {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    next();
  });
}
