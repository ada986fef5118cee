/** A probe that asks again and again. */
import type { Disposer } from '../base/clock.ts';
import type { ProbeContext } from './context.ts';
import { pollUntil } from './poll.ts';
import type { ReadinessProbe } from './probe.ts';

/** How one wait goes. */
export interface Asking {
  /** As {@link Attempt}. `latest` is the reason of the attempt before. */
  readonly attempt: (done: (reason?: string) => void, latest: string) => Disposer | undefined;
  /** How long to wait before the next attempt where that is not always the interval, ms. */
  readonly nextInterval?: () => number;
  /** What has made it ready, where that is not the name of the probe. */
  readonly readyBy?: () => string;
  /** Frees what is kept from attempt to attempt: once it is ready, or nobody waits any more. */
  readonly end?: Disposer;
}

/** @param begin called for each wait, so that it starts afresh */
export function polled(
  name: string,
  { clock, timing }: Pick<ProbeContext, 'clock' | 'timing'>,
  begin: () => Asking | Promise<Asking>,
): ReadinessProbe {
  let reason = '';
  return {
    name,
    asks: true,
    get reason() {
      return reason;
    },
    async wait(signal) {
      reason = '';
      const begun = begin();
      // at once where that can be: the first attempt waits for nothing
      const asking = begun instanceof Promise ? await begun : begun;
      const { attempt, nextInterval = () => timing.interval, readyBy = () => name, end = () => {} } = asking;
      signal.addEventListener('abort', end, { once: true });
      await pollUntil(
        (done) => attempt(done, reason),
        { ...timing, nextInterval },
        clock,
        signal,
        (latest) => {
          reason = latest;
        },
      );
      end();
      return readyBy();
    },
  };
}
