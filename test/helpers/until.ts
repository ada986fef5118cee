/** Waits for the event itself: no fixed sleeps, and a deadline that reports what did not come. */
import { vi } from 'vitest';
import { scaled } from './pace.js';

/** Far more than anything here takes, so that only a missing event reaches it, ms. */
export const DEADLINE: number = scaled(60_000);

/** Pause between the first two checks, ms; each later pause is longer by a tenth, up to MAX_PAUSE. */
const PAUSE = 5;
const MAX_PAUSE = 25;

/**
 * After a check that took long, such as a systemctl, the pause is this many times as long, up to MAX_REST ms. Else the
 * suite spends most of its CPU time on asking.
 */
const REST = 6;
const MAX_REST = 250;

/** @returns the first result of `check` that is neither false nor undefined */
export async function until<T>(
  what: string | (() => string),
  check: () => T | false | undefined | Promise<T | false | undefined>,
  deadlineMs = DEADLINE,
): Promise<T> {
  const giveUpAt = performance.now() + deadlineMs;
  for (let pause = PAUSE; ; pause = Math.min(MAX_PAUSE, 1.1 * pause)) {
    const began = performance.now();
    const found = await check();
    const rest = Math.min(MAX_REST, REST * (performance.now() - began));
    if (found !== false && found !== undefined) return found;
    if (performance.now() > giveUpAt) {
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(pause, rest)));
  }
}

/** Resolves with the result of `check` once it does not throw: for assertions that will hold. */
export function untilPasses<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: DEADLINE, interval: PAUSE });
}
