/** Keeps STATUS= up to date while a readiness signal is awaited. */
import type { Clock, Disposer } from '../base/clock.ts';
import type { Readiness } from '../probes/readiness.ts';

/** ms between two updates of STATUS=. */
const STATUS_INTERVAL = 1000;

/** Calls back when the reason has changed, at most once per interval. */
export function followStatus(readiness: Readiness, clock: Clock, onChange: (waitingFor: string) => void): Disposer {
  let reported = readiness.waitingFor();
  let cancel: Disposer = () => {};
  const update = () => {
    const now = readiness.waitingFor();
    if (now !== reported) onChange(now);
    reported = now;
    cancel = clock.after(STATUS_INTERVAL, update);
  };
  cancel = clock.after(STATUS_INTERVAL, update);
  return () => cancel();
}
