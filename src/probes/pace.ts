/** How often a probe polls if the operator does not set it. */
import type { Clock } from '../base/clock.ts';
import type { GivenTiming, PollTiming } from './poll.ts';
import type { ProbeSpec } from './spec.ts';

/** ms. The shortest that leaves 95 % of a core to the app; slower checks start a little sooner. */
const INTERVAL = 20;
const INTERVAL_OF_SLOW: Readonly<Partial<Record<ProbeSpec['kind'], number>>> = { http: 14, exec: 14 };

/**
 * The interval of slower checks in the first second, ms: most such apps are ready soon, and answers take longest while
 * neither side has warmed up.
 */
const INTERVAL_AT_FIRST = 8;
const AT_FIRST = 1000;

/** The time limit of one attempt, ms. */
const ATTEMPT_TIMEOUT = 1000;

export function pace(kind: ProbeSpec['kind'], given: GivenTiming, clock: Clock): PollTiming {
  const later = INTERVAL_OF_SLOW[kind];
  const { initialDelay, interval, attemptTimeout = ATTEMPT_TIMEOUT, onAttempt } = given;
  if (interval !== undefined || later === undefined) {
    return { initialDelay, attemptTimeout, onAttempt, interval: interval ?? INTERVAL };
  }
  const firstUntil = clock.now() + initialDelay + AT_FIRST;
  return {
    initialDelay,
    attemptTimeout,
    onAttempt,
    get interval() {
      return clock.now() < firstUntil ? INTERVAL_AT_FIRST : later;
    },
  };
}

/** Attempts per watchdog interval while each fails at once; never closer than INTERVAL. */
const ATTEMPTS = 10;

/**
 * For the watchdog: an answer may take the whole watchdog interval, unless the operator sets less, because even a slow
 * answer shows that the app is healthy.
 * @param intervalMs the watchdog interval, ms
 */
export function watchPace(intervalMs: number, attemptTimeout = Number.POSITIVE_INFINITY): PollTiming {
  return {
    initialDelay: 0,
    interval: Math.max(INTERVAL, intervalMs / ATTEMPTS),
    attemptTimeout: Math.min(attemptTimeout, intervalMs),
  };
}
