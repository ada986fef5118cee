/** Waits until an app that reloads is ready again: the race with the limit, once for all probes. */
import type { Clock, Disposer } from '../base/clock.ts';
import type { Readiness } from '../probes/readiness.ts';
import { followStatus } from './follow-status.ts';
import type { LifeEvent } from './words.ts';

/**
 * So long an app is given to get to the signal before it is asked whether it is ready, ms: a connection is accepted by
 * the kernel, which knows of no reload. For one that needs longer there is `--initial-delay`.
 */
const NOTICING = 100;

export interface Again {
  /** A reload begins, of which the app is not told yet. One before it is waited for no more. */
  begin(): void;
  /** Now the app is told. */
  told(): void;
  stop(): void;
}

export interface WaitAgainOptions {
  /** The signs to wait for; `told` resolves when the app was told to reload, and had a moment to take notice. */
  readonly readyAgain: (told: Promise<void>) => Readiness;
  /** ms; `Infinity` is no limit. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly tell: (event: LifeEvent) => void;
  /** Told of a probe that failed by itself. */
  readonly onBug: (bug: unknown) => void;
}

export function waitAgain({ readyAgain, timeout, clock, tell, onBug }: WaitAgainOptions): Again {
  let disposers: Disposer[] = [];
  let told = () => {};
  const stop = () => {
    for (const dispose of disposers) dispose();
    disposers = [];
  };
  return {
    stop,
    told: () => {
      disposers.push(clock.after(NOTICING, told));
    },
    begin() {
      stop();
      const startedAt = clock.now();
      const waiting = new AbortController();
      const readiness = readyAgain(
        new Promise((resolve) => {
          told = resolve;
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
