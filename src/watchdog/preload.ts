/**
 * Runs in the app's Node before the app, and counts beats of its event loop in a file that the wrapper reads
 * (`--watchdog loop`). It must not change the app in any other way:
 * - children and cluster workers get the operator's environment and options; Node closes the descriptor in them, as it
 *   does with all that it inherited;
 * - a worker loads this file too, but finds no variable: only the main thread beats;
 * - the timer does not keep the app running; a write to the same position of an open file neither blocks nor needs
 *   space;
 * - it never throws.
 */
import fs from 'node:fs';
import { preloadNumbers } from '../base/as-preload.ts';
import { BEAT_VARIABLE } from './beat-options.ts';

// the originals: the app may replace them later
const { fstatSync, writeSync } = fs;

const [fd = 0, every = 0] = preloadNumbers(__filename, BEAT_VARIABLE) ?? [];
if (every > 0) begin(fd, every);

function begin(fd: number, every: number): void {
  const count = Buffer.alloc(4);
  let beats = 0;
  let timer: NodeJS.Timeout | undefined;
  try {
    const { dev, ino } = fstatSync(fd);
    const beat = () => {
      try {
        const now = fstatSync(fd);
        // the app closed the descriptor, and may have reused its number
        if (now.ino !== ino || now.dev !== dev) return clearInterval(timer);
        beats = (beats + 1) >>> 0;
        count.writeUInt32LE(beats, 0);
        writeSync(fd, count, 0, count.length, 0);
      } catch {
        clearInterval(timer);
      }
    };
    beat();
    timer = setInterval(beat, every).unref();
  } catch {
    // no such descriptor: the wrapper does not read the file
  }
}
