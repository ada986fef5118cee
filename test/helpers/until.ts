/** Waits for the thing itself: no fixed sleeps, and a deadline that says what did not come. */
import { vi } from 'vitest';
import { scaled } from './pace.js';

/** Far more than anything here takes, so that only what never comes runs into it, ms. */
export const DEADLINE: number = scaled(60_000);

/** Between the first two looks, ms; each further pause is longer by a tenth, up to MAX_PAUSE. */
const PAUSE = 5;
const MAX_PAUSE = 25;

/** @returns the first answer of `look` that is neither false nor undefined */
export async function until<T>(
  what: string | (() => string),
  look: () => T | false | undefined | Promise<T | false | undefined>,
  deadlineMs = DEADLINE,
): Promise<T> {
  const giveUpAt = performance.now() + deadlineMs;
  for (let pause = PAUSE; ; pause = Math.min(MAX_PAUSE, 1.1 * pause)) {
    const found = await look();
    if (found !== false && found !== undefined) return found;
    if (performance.now() > giveUpAt) {
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Back with what `look` returned when it did not throw: for assertions that will hold. */
export function untilPasses<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: DEADLINE, interval: PAUSE });
}
