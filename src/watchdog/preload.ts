/**
 * Runs in the app's Node before the app does, and counts from its event loop into a file that the wrapper looks at
 * (`--watchdog loop`). Nothing else of the app may change by it:
 * - its children and cluster workers get environment and options as the operator wrote them; the descriptor is closed
 *   to them by Node itself, as all are that it was started with;
 * - a worker loads this file too, wherever it is by then, and has no variable to read: the main thread alone beats;
 * - the timer does not keep it alive; a write at one place of an open file can neither block nor fill anything up;
 * - it throws nothing, whatever is wrong.
 */
import fs from 'node:fs';
import { preloadNumbers } from '../base/as-preload.ts';
import { BEAT_VARIABLE } from './beat-options.ts';

// as they are now: whatever the app may put in their place is not asked
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
        // closed by the app, and perhaps another file of its by now
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
    // no such descriptor: nobody looks
  }
}
