/** Periodic work while the app is starting. Each disposer ends it. */
import type { Clock, Disposer } from '../base/clock.ts';
import type { Moment } from '../diagnosis/advice.ts';

/** ms between two diagnoses of an app that is not ready. */
const DIAGNOSIS_INTERVAL = 5000;

/** ms. Only remembered, in case that the app is stopped, and so closes its sockets, before the next diagnosis. */
const FIRST_DIAGNOSIS = 1000;

/**
 * Extends the start timeout at once, and repeats it before the extension is over. systemd counts it from the arrival of
 * the notification (sd_notify(3), EXTEND_TIMEOUT_USEC=).
 */
export function keepExtending(ms: number, clock: Clock, extend: (byMs: number) => void): Disposer {
  let cancel: Disposer = () => {};
  const extendAgain = () => {
    extend(ms);
    cancel = clock.after(ms / 2, extendAgain);
  };
  extendAgain();
  return () => cancel();
}

/** Diagnoses periodically and reports the advice, also an empty list once the problem is gone. */
export function keepDiagnosing(
  diagnose: (moment: Moment) => Promise<readonly string[]>,
  clock: Clock,
  report: (texts: readonly string[]) => void,
): Disposer {
  let cancel: Disposer = clock.after(FIRST_DIAGNOSIS, () => {
    schedule(DIAGNOSIS_INTERVAL - FIRST_DIAGNOSIS);
    void diagnose('waiting');
  });
  let hasAdvice = false;
  let isOver = false;
  const schedule = (ms: number) => {
    cancel = clock.after(ms, async () => {
      schedule(DIAGNOSIS_INTERVAL);
      const texts = await diagnose('waiting');
      // the disposer may have been called meanwhile
      if (isOver || (texts.length === 0 && !hasAdvice)) return;
      hasAdvice = texts.length > 0;
      report(texts);
    });
  };
  return () => {
    isOver = true;
    cancel();
  };
}
