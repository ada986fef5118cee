/**
 * Splits a stream into frames that end with one byte. Limits the frames per turn of the event loop, so that a flood
 * blocks nothing else.
 */
import type { Readable } from 'node:stream';

/** Frames per turn. Signals and timers are handled between two turns. */
const FRAMES_PER_TURN = 100;

/** After this many full turns in a row there is a pause before each further one: a flood gets only part of a core. */
const TURNS_WITHOUT_PAUSE = 20;

/** ms. */
const PAUSE = 4;

export interface FrameRules {
  /** The byte after each frame: 0, or 10 for lines. */
  readonly end: number;
  /** Bytes. Longer frames are skipped. */
  readonly max: number;
  /** Gets the frame without its end byte. The buffer is valid only during the call. */
  readonly onFrame: (frame: Uint8Array) => void;
  /** Called for each skipped frame. */
  readonly onTooLong: () => void;
}

/** While frames are pending the stream is not read, so its writer has to wait. */
export function readFrames(source: Readable, { end, max, onFrame, onTooLong }: FrameRules): void {
  let rest: Buffer = Buffer.alloc(0);
  /** The frame at the start of `rest` is too long; its beginning was dropped. */
  let isSkipping = false;
  let turns = 0;
  const next = () => {
    for (let left = FRAMES_PER_TURN; left > 0; left -= 1) {
      const at = rest.indexOf(end);
      if (at < 0) {
        if (rest.length > max) {
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
    if (turns < TURNS_WITHOUT_PAUSE) setImmediate(next);
    else setTimeout(next, PAUSE);
  };
  source.on('data', (piece: Buffer) => {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    next();
  });
}
