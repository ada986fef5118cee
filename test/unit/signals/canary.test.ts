import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { patiently } from '../../../src/signals/canary.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Resolves with the time that a canary was waited for, ms. */
async function wait(answersAfter: number, isRunnable: boolean): Promise<number> {
  const answered = new Promise<void>((resolve) => setTimeout(resolve, answersAfter));
  const since = performance.now();
  const waited = patiently(answered, since, () => isRunnable).then(() => performance.now() - since);
  await vi.runAllTimersAsync();
  return waited;
}

describe('a canary', () => {
  it.each([
    ['that answers', 10, true, 10],
    ['that sleeps, for whatever reason', 600, false, 250],
    ['that waits for a core', 600, true, 600],
    ['that gets no core at all', 60_000, true, 5000],
  ])('%s', async (_, answersAfter, isRunnable, expected) => {
    expect(await wait(answersAfter, isRunnable)).toBe(expected);
  });
});
