/** A probe that polls. */
import type { Disposer } from '../base/clock.ts';
import type { ProbeContext } from './context.ts';
import { pollUntil } from './poll.ts';
import type { ReadinessProbe } from './probe.ts';

/** The parts of one wait. */
export interface Polling {
  /** As {@link Attempt}. `latest` is the reason of the previous attempt. */
  readonly attempt: (done: (reason?: string) => void, latest: string) => Disposer | undefined;
  /** The time before the next attempt if it is not always the interval, ms. */
  readonly nextInterval?: () => number;
  /** What made it ready, if that is not the name of the probe. */
  readonly readyBy?: () => string;
  /** Frees what the attempts keep: called once it is ready, or the wait is aborted. */
  readonly end?: Disposer;
}

/** @param begin called at the start of each wait */
export function polled(
  name: string,
  { clock, timing }: Pick<ProbeContext, 'clock' | 'timing'>,
  begin: () => Polling | Promise<Polling>,
): ReadinessProbe {
  let reason = '';
  return {
    name,
    polls: true,
    get reason() {
      return reason;
    },
    async wait(signal) {
      reason = '';
      const begun = begin();
      // without an await if possible: the first attempt is then not delayed
      const polling = begun instanceof Promise ? await begun : begun;
      const { attempt, nextInterval = () => timing.interval, readyBy = () => name, end = () => {} } = polling;
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
