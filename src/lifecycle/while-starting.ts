/** What is done again and again while the app is awaited, and only then. Each is over with its disposer. */
import type { Clock, Disposer } from '../base/clock.ts';
import type { Moment } from '../diagnosis/advice.ts';

/** How often it is looked what may be wrong with an app that is not ready, ms. */
const DIAGNOSIS_INTERVAL = 5000;

/**
 * And once before, for what is remembered of it: an app that is stopped then closes its sockets before anybody looks,
 * ms.
 */
const FIRST_LOOK = 1000;

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

/**
 * Looks again and again what may be wrong, and tells it while there is something, and once more when there is no more.
 */
export function keepDiagnosing(
  diagnose: (moment: Moment) => Promise<readonly string[]>,
  clock: Clock,
  tell: (texts: readonly string[]) => void,
): Disposer {
  let cancel: Disposer = clock.after(FIRST_LOOK, () => {
    lookAgain(DIAGNOSIS_INTERVAL - FIRST_LOOK);
    void diagnose('waiting');
  });
  let told = false;
  let isOver = false;
  const lookAgain = (ms: number) => {
    cancel = clock.after(ms, async () => {
      lookAgain(DIAGNOSIS_INTERVAL);
      const texts = await diagnose('waiting');
      // over while it was looked
      if (isOver || (texts.length === 0 && !told)) return;
      told = texts.length > 0;
      tell(texts);
    });
  };
  return () => {
    isOver = true;
    cancel();
  };
}
