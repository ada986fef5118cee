/** Asking again and again until the answer is yes: the one loop behind every probe that polls. */
import type { Clock, Disposer } from '../base/clock.ts';

/** An attempt that takes longer has that for its reason, ms. */
const SLOW = 500;

/** Times in ms. */
export interface PollTiming {
  /** Before the first attempt. */
  readonly initialDelay: number;
  /** From the start of an attempt to the start of the next. After a long one there is a pause of half of it. */
  readonly interval: number;
  /** How long one attempt may take. Needed: with IPAddressDeny=any a connect to loopback hangs for ever. */
  readonly attemptTimeout: number;
  /** Told of each attempt, once its reason is known. */
  readonly onAttempt?: (() => void) | undefined;
}

/** What the operator says of it; undefined where nothing: then what is asked, and what for, says how often. */
export interface GivenTiming extends Pick<PollTiming, 'initialDelay' | 'onAttempt'> {
  readonly interval: number | undefined;
  readonly attemptTimeout: number | undefined;
}

/**
 * One attempt. It calls `done` once: with nothing when ready, else with the reason why not. The disposer takes back an
 * attempt that is still under way; `done` is then not called any more. There is none where nothing is under way.
 *
 * Plain callbacks, as there are fifty attempts a second: promises and abort signals made for each cost more than the
 * question itself.
 */
export type Attempt = (done: (reason?: string) => void) => Disposer | undefined;

/** Looks to an interval, where a look costs next to nothing. */
const LOOKS = 3;

/** @returns from one such look to the next, whole ms */
export function lookInterval(interval: number): number {
  return Math.ceil(interval / LOOKS);
}

/**
 * Repeats `attempt` until it succeeds.
 *
 * @param timing `nextInterval`: asked after each attempt, where the interval is not always the same
 * @param onReason told the reason of each failed attempt
 * @returns resolves at the first success; never settles after `signal` aborted; rejects with what `attempt` threw, but
 * for a system error (with a `code`), which is a reason like others
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
      cancel = clock.after(ms, ask);
    };
    const ask = () => {
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
        // an error of the system is a reason, and may pass; any other is a bug
        if (settled || typeof code !== 'string') reject(error);
        else settle(code);
        return;
      }
      // an attempt may answer before it returns: then it needs no timer, and the pause is what can be cancelled
      if (settled) return;
      const giveUp = () => {
        takeBack?.();
        settle('no response within --attempt-timeout');
      };
      if (timing.attemptTimeout <= SLOW) stopTimer = clock.after(timing.attemptTimeout, giveUp);
      else
        stopTimer = clock.after(SLOW, () => {
          // the reason of the attempt before says nothing any more
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
