/** Health checks for the watchdog. */
import type { Readiness } from '../probes/readiness.ts';

export interface Vitals {
  /** @returns undefined if the app was healthy since the last check, else the reason in a few words */
  check(): string | undefined;
  /** Frees what it holds: no more checks. */
  end(): void;
}

/** Healthy while the process exists. Its exit ends the watch elsewhere. */
export const processHealth: Vitals = { check: () => undefined, end() {} };

/**
 * Healthy while its readiness probes succeed. Each check starts a wait, unless the last one still runs, so that an
 * answer may take longer than one check.
 * @param combined makes new probes for each wait, so that no state is kept
 */
export function probeHealth(combined: () => Readiness): Vitals {
  let current: { readonly probes: Readiness; readonly stop: AbortController } | undefined;
  let bug: string | undefined;
  const start = () => {
    // a new signal for each wait: a long-lived one would collect listeners
    const mine = { probes: combined(), stop: new AbortController() };
    current = mine;
    mine.probes
      .wait(mine.stop.signal)
      .catch((error: unknown) => {
        bug = String(error);
      })
      .finally(() => {
        current = undefined;
      });
  };
  return {
    check() {
      if (current) return current.probes.waitingFor();
      const failure = bug;
      bug = undefined;
      start();
      return failure;
    },
    end: () => current?.stop.abort(),
  };
}

/**
 * Checks only until the app is stopping: it may then close its port and take its time, while systemd's watchdog still
 * runs (measured on 252, 257 and 262). From then on it is healthy while the process exists.
 */
export function untilItEnds(vitals: Vitals, isEnding: () => boolean): Vitals {
  return { check: () => (isEnding() ? undefined : vitals.check()), end: vitals.end };
}

/**
 * Healthy while its event loop runs.
 * @param beats the number of beats so far
 * @param fallBack called if the first check, when the app is ready, finds no beat: then the process only has to exist
 */
export function loopHealth(beats: () => number, fallBack: () => void): Vitals {
  let seen: number | undefined;
  let counts = true;
  return {
    check() {
      const now = beats();
      if (seen === undefined && now === 0) {
        counts = false;
        fallBack();
      }
      const turned = now !== seen;
      seen = now;
      return turned || !counts ? undefined : 'its event loop is blocked';
    },
    end() {},
  };
}
