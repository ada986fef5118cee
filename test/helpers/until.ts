/** Waits for the thing itself: no fixed sleeps, and a deadline that says what did not come. */

/** Far more than anything here takes, so that only what never comes runs into it, ms. */
export const DEADLINE = 20_000;

/** Between two looks, ms. */
const PAUSE = 5;

/** @returns the first answer of `look` that is neither false nor undefined */
export async function until<T>(
  what: string | (() => string),
  look: () => T | false | undefined | Promise<T | false | undefined>,
  deadlineMs = DEADLINE,
): Promise<T> {
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== false && found !== undefined) return found;
    if (performance.now() > giveUpAt) {
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
