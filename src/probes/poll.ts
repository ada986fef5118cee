/** The loop of every probe that polls. */
import type { Clock, Disposer } from '../base/clock.ts';

/** After a costly check a probe rests SHARE times as long as the check took. */
export const SHARE = 20;

/** An attempt that takes longer than this gets the reason "no response yet", ms. */
const SLOW = 500;

/** Times in ms. */
export interface PollTiming {
  /** Before the first attempt. */
  readonly initialDelay: number;
  /** From the start of an attempt to the start of the next. After a longer attempt the pause is half of it. */
  readonly interval: number;
  /** How long one attempt may take. Required: with IPAddressDeny=any a connect to loopback hangs for ever. */
  readonly attemptTimeout: number;
  /** Called after each attempt, once its reason is known. */
  readonly onAttempt?: (() => void) | undefined;
}

/** The operator's settings; if undefined, the kind of probe and its purpose decide (pace.ts). */
export interface GivenTiming extends Pick<PollTiming, 'initialDelay' | 'onAttempt'> {
  readonly interval: number | undefined;
  readonly attemptTimeout: number | undefined;
}

/**
 * One attempt. It calls `done` once: without argument if ready, else with the reason why not. The disposer cancels an
 * attempt in progress; `done` is then not called. It is undefined if nothing is in progress.
 *
 * These are plain callbacks, because there are fifty attempts a second: promises and abort signals for each would cost
 * more than the check itself.
 */
export type Attempt = (done: (reason?: string) => void) => Disposer | undefined;

/** Checks per interval, for a check that costs almost nothing. */
const CHECKS = 3;

/** @returns the time between two such checks, whole ms */
export function checkInterval(interval: number): number {
  return Math.ceil(interval / CHECKS);
}

/**
 * Repeats `attempt` until it succeeds.
 *
 * @param timing `nextInterval`: called after each attempt, if the interval varies
 * @param onReason receives the reason of each failed attempt
 * @returns resolves at the first success; never settles after `signal` aborted; rejects with the error that `attempt`
 * threw, except a system error (with a `code`), which is a reason
 */
export function pollUntil(
  attempt: Attempt,
  timing: PollTiming & { readonly nextInterval?: () => number },
  clock: Clock,
  signal: AbortSignal,
  onReason: (reason: string) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let cancel: Disposer = () => {};
    const pause = (ms: number) => {
      cancel = clock.after(ms, run);
    };
    const run = () => {
      const startedAt = clock.now();
      let settled = false;
      let stopTimer: Disposer = () => {};
      const settle = (reason: string | undefined) => {
        settled = true;
        stopTimer();
        if (reason !== undefined) onReason(reason);
        timing.onAttempt?.();
        if (reason === undefined) return finish();
        const interval = timing.nextInterval?.() ?? timing.interval;
        pause(Math.max(startedAt + interval - clock.now(), interval / 2));
      };
      let takeBack: Disposer | undefined;
      try {
        takeBack = attempt(settle);
      } catch (error) {
        const { code } = error as { code?: unknown };
        // a system error may go away; any other is a bug
        if (settled || typeof code !== 'string') reject(error);
        else settle(code);
        return;
      }
      // the attempt was done before it returned: no timer is needed, and `cancel` already stops the pause
      if (settled) return;
      const giveUp = () => {
        takeBack?.();
        settle('no response within --attempt-timeout');
      };
      if (timing.attemptTimeout <= SLOW) stopTimer = clock.after(timing.attemptTimeout, giveUp);
      else
        stopTimer = clock.after(SLOW, () => {
          // the reason of the previous attempt is out of date
          onReason('no response yet');
          stopTimer = clock.after(timing.attemptTimeout - SLOW, giveUp);
        });
      cancel = () => {
        stopTimer();
        takeBack?.();
      };
    };
    const finish = () => {
      signal.removeEventListener('abort', abort);
      resolve();
    };
    const abort = () => cancel();
    if (signal.aborted) return;
    signal.addEventListener('abort', abort, { once: true });
    pause(timing.initialDelay);
  });
}
