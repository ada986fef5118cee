import type { Clock } from './clock.ts';

/** ms, about 24.8 days. With more, setTimeout fires at once: https://nodejs.org/api/timers.html */
const LONGEST = 2 ** 31 - 1;

/** Monotonic time in ms. Not `performance.now()`: its first use loads about ten modules of Node. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export const clock: Clock = {
  now,
  after(ms, callback) {
    if (ms === Number.POSITIVE_INFINITY) return () => {};
    const due = now() + ms;
    let timer: NodeJS.Timeout;
    const arm = () => {
      const left = due - now();
      timer = left > LONGEST ? setTimeout(arm, LONGEST) : setTimeout(callback, Math.max(0, left));
    };
    arm();
    return () => clearTimeout(timer);
  },
};

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
