/** What is done again and again while the app is awaited, and only then. Each is over with its disposer. */
import type { Clock, Disposer } from './clock.ts';
import type { Moment } from './diagnosis.ts';

/** How often it is looked what may be wrong with an app that is not ready, ms. */
const DIAGNOSIS_INTERVAL = 5000;

/**
 * Now, and again before what was asked for is over: systemd moves the deadline to that long from when it hears it
 * (sd_notify(3), EXTEND_TIMEOUT_USEC=).
 */
export function keepExtending(ms: number, clock: Clock, ask: (byMs: number) => void): Disposer {
  let cancel: Disposer = () => {};
  const askAgain = () => {
    ask(ms);
    cancel = clock.after(ms / 2, askAgain);
  };
  askAgain();
  return () => cancel();
}

/** Looks again and again what may be wrong, until something is. */
export function keepDiagnosing(
  diagnose: (moment: Moment) => Promise<readonly string[]>,
  clock: Clock,
  tell: (texts: readonly string[]) => void,
): Disposer {
  let cancel: Disposer = () => {};
  const lookAgain = () => {
    cancel = clock.after(DIAGNOSIS_INTERVAL, async () => {
      lookAgain();
      const texts = await diagnose('waiting');
      if (texts.length === 0) return;
      cancel();
      tell(texts);
    });
  };
  lookAgain();
  return () => cancel();
}
