/** Asking again and again until the answer is yes: the one loop behind every probe that polls. */
import type { Clock } from './clock.ts';

/** Times in ms. */
export interface PollTiming {
  /** Before the first attempt. */
  readonly initialDelay: number;
  /** From the end of a failed attempt to the start of the next. */
  readonly interval: number;
  /** How long one attempt may take. Needed: with IPAddressDeny=any a connect to loopback hangs for ever. */
  readonly attemptTimeout: number;
}

/** One attempt: `undefined` when ready, else the reason why not. Must stop and settle when `signal` aborts. */
export type Attempt = (signal: AbortSignal) => Promise<string | undefined>;

/**
 * Repeats `attempt` until it succeeds.
 *
 * @param onReason told the reason of each failed attempt
 * @returns resolves at the first success; never settles after `signal` aborted
 */
export async function pollUntil(
  attempt: Attempt,
  timing: PollTiming,
  clock: Clock,
  signal: AbortSignal,
  onReason: (reason: string) => void,
): Promise<void> {
  await pause(timing.initialDelay, clock, signal);
  for (;;) {
    const own = new AbortController();
    const stop = clock.after(timing.attemptTimeout, () => own.abort());
    const onAbort = () => own.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    const reason = await attempt(own.signal);
    stop();
    signal.removeEventListener('abort', onAbort);
    if (signal.aborted) await new Promise<never>(() => {});
    if (reason === undefined) return;
    onReason(own.signal.aborted ? 'no answer within the attempt timeout' : reason);
    await pause(timing.interval, clock, signal);
  }
}

/** Resolves after `ms`; never when `signal` aborts first, and then no timer is left behind. */
function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return;
    const onAbort = () => cancel();
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
