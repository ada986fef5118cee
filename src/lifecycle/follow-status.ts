/** Keeps the text that `systemctl status` shows true while something is awaited. */
import type { Clock, Disposer } from '../base/clock.ts';
import type { Readiness } from '../probes/readiness.ts';

/** How often STATUS= may follow what is awaited, ms. */
const STATUS_INTERVAL = 1000;

/** Tells what is awaited when it changed, at most once an interval. */
export function followStatus(readiness: Readiness, clock: Clock, onChange: (waitingFor: string) => void): Disposer {
  let told = readiness.waitingFor();
  let cancel: Disposer = () => {};
  const look = () => {
    const now = readiness.waitingFor();
    if (now !== told) onChange(now);
    told = now;
    cancel = clock.after(STATUS_INTERVAL, look);
  };
  cancel = clock.after(STATUS_INTERVAL, look);
  return () => cancel();
}
