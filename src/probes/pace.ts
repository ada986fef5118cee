/** How often a probe asks where the operator does not say. */
import type { Clock } from '../core/clock.ts';
import type { PollTiming } from '../core/poll.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';

/** ms. As short as leaves 95 % of a core to the app; a question whose answer takes its time is asked a little sooner. */
const INTERVAL = 20;
const INTERVAL_OF_SLOW = 14;

/**
 * The same in the first moments, ms: most apps that are asked are ready soon, and answers take longest while neither side
 * has warmed up.
 */
const INTERVAL_AT_FIRST = 8;
const AT_FIRST = 1000;

/** @param given the `interval` is what `--interval` says, if it does */
export function pace(
  kind: ProbeSpec['kind'],
  given: Omit<PollTiming, 'interval'> & { readonly interval: number | undefined },
  clock: Clock,
): PollTiming {
  const slow = kind === 'http' || kind === 'exec';
  if (given.interval !== undefined || !slow) return { ...given, interval: given.interval ?? INTERVAL };
  const firstUntil = clock.now() + given.initialDelay + AT_FIRST;
  return {
    ...given,
    get interval() {
      return clock.now() < firstUntil ? INTERVAL_AT_FIRST : INTERVAL_OF_SLOW;
    },
  };
}
