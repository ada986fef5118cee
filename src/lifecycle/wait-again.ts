/** Waits until the app is ready again after a reload, or until the timeout. */
import type { Clock, Disposer } from '../base/clock.ts';
import type { Readiness } from '../probes/readiness.ts';
import { followStatus } from './follow-status.ts';
import type { LifeEvent } from './words.ts';

/**
 * ms from the reload signal to the first poll. Until the app handles the signal, a poll would see the state from before
 * the reload (the kernel accepts connections at any time). `--initial-delay` is for apps that need longer.
 */
const SIGNAL_DELAY = 100;

export interface ReloadWait {
  /** A reload begins; the signal is not forwarded yet. Ends the wait for an earlier reload. */
  begin(): void;
  /** The app has the signal. */
  signalled(): void;
  stop(): void;
}

export interface WaitAgainOptions {
  /** `signalled` resolves when the app got the signal and had time to handle it. */
  readonly readyAgain: (signalled: Promise<void>) => Readiness;
  /** ms; `Infinity` for none. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly tell: (event: LifeEvent) => void;
  /** Called if a probe throws. */
  readonly onBug: (bug: unknown) => void;
}

export function waitAgain({ readyAgain, timeout, clock, tell, onBug }: WaitAgainOptions): ReloadWait {
  let disposers: Disposer[] = [];
  let resolveSignalled = () => {};
  const stop = () => {
    for (const dispose of disposers) dispose();
    disposers = [];
  };
  return {
    stop,
    signalled: () => {
      disposers.push(clock.after(SIGNAL_DELAY, resolveSignalled));
    },
    begin() {
      stop();
      const startedAt = clock.now();
      const waiting = new AbortController();
      const readiness = readyAgain(
        new Promise((resolve) => {
          resolveSignalled = resolve;
        }),
      );
      disposers = [
        () => waiting.abort(),
        clock.after(timeout, () =>
          tell({ type: 'reload-timeout', afterMs: timeout, waitingFor: readiness.waitingFor() }),
        ),
        followStatus(readiness, clock, (waitingFor) => tell({ type: 'still-waiting', waitingFor })),
      ];
      tell({ type: 'still-waiting', waitingFor: readiness.name });
      readiness
        .wait(waiting.signal)
        .then((by) => tell({ type: 'ready-again', by, afterMs: clock.now() - startedAt }), onBug);
    },
  };
}
