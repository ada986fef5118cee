/** The real clock. */
import type { Clock } from './clock.ts';

/** setTimeout fires at once for more than this (about 24.8 days): https://nodejs.org/api/timers.html */
const LONGEST = 2 ** 31 - 1;

export const clock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    if (ms === Number.POSITIVE_INFINITY) return () => {};
    const due = performance.now() + ms;
    let timer: NodeJS.Timeout;
    const arm = () => {
      const left = due - performance.now();
      timer = left > LONGEST ? setTimeout(arm, LONGEST) : setTimeout(callback, Math.max(0, left));
    };
    arm();
    return () => clearTimeout(timer);
  },
};

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
