/** How often a probe asks where the operator does not say. */
import type { Clock } from '../base/clock.ts';
import type { GivenTiming, PollTiming } from './poll.ts';
import type { ProbeSpec } from './spec.ts';

/**
 * ms. As short as leaves 95 % of a core to the app; a question whose answer takes its time is asked a little sooner.
 */
const INTERVAL = 20;
const INTERVAL_OF_SLOW: Readonly<Partial<Record<ProbeSpec['kind'], number>>> = { http: 14, exec: 14 };

/**
 * The same in the first moments, ms: most apps that are asked are ready soon, and answers take longest while neither
 * side has warmed up.
 */
const INTERVAL_AT_FIRST = 8;
const AT_FIRST = 1000;

/** The most that one attempt may take, ms. */
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

/** In an interval of the watchdog so many attempts, where one fails at once, and not closer than the usual. */
const ATTEMPTS = 10;

/**
 * For the watchdog: an answer may take all of its interval, unless the operator says less, as all that is asked is
 * whether the app is well at all.
 * @param intervalMs of the watchdog
 */
export function watchPace(intervalMs: number, attemptTimeout = Number.POSITIVE_INFINITY): PollTiming {
  return {
    initialDelay: 0,
    interval: Math.max(INTERVAL, intervalMs / ATTEMPTS),
    attemptTimeout: Math.min(attemptTimeout, intervalMs),
  };
}
