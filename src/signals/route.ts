/** Decides for each signal that we receive whether the app gets it, in the order of arrival. */
import { statesOfOtherThreads } from '../base/proc.ts';
import { now, pause } from '../base/real-clock.ts';
import {
  type ForwardedSignal,
  type ForwardSignals,
  fateOf,
  type Rewrites,
  type SignalFate,
  STOPPING_A_JOB,
} from './signals.ts';
import type { SignalSource } from './source.ts';

export interface SignalRules {
  readonly forward: ForwardSignals;
  readonly rewrites: Rewrites;
  /** Whether the app is in its own session. */
  readonly detached: boolean;
  /**
   * Whether the sender of the signal that just arrived also sent it to the app.
   * @returns undefined if unknown
   */
  readonly hadByApp: (signal: ForwardedSignal) => Promise<boolean> | undefined;
}

/** ms. A thread may run for another reason. */
const LONGEST = 5000;

/**
 * Whether another thread may have got a signal that it has not yet reported to the event loop. The kernel may choose
 * any thread for it (signal(7)); on a busy machine that thread still waits for a core when the main thread handles the
 * SIGCHLD of an app that the same stop killed.
 */
function mayHaveTakenSignal(): boolean {
  return statesOfOtherThreads().some((state) => state === 'R' || state === 'D');
}

/** The event of a signal that a thread has reported comes within these turns of the event loop. */
const TURNS = 2;

/** Resolves when all signals that reached the process so far have been announced. */
async function allAnnounced(): Promise<void> {
  const since = now();
  while (mayHaveTakenSignal() && now() - since < LONGEST) await pause(1);
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** @param announce called for each signal on arrival, before it is known whether the app has it */
type Listen = (
  deliver: (signal: ForwardedSignal, fate: SignalFate) => void,
  announce: (signal: ForwardedSignal) => void,
) => void;

export interface SignalRoute {
  readonly listen: Listen;
  /** Resolves when all signals that reached the process so far are delivered. */
  readonly settled: () => Promise<void>;
}

export function routeSignals(
  source: SignalSource,
  { forward, rewrites, detached, hadByApp }: SignalRules,
): SignalRoute {
  // an app in its own session has no job control: only SIGSTOP stops it (termios(3), orphaned process groups)
  const asSent = (signal: ForwardedSignal) =>
    detached && STOPPING_A_JOB.some((each) => each === signal) ? 'SIGSTOP' : signal;
  /** The last signal that waits for hadByApp(), if any: later signals wait for it. */
  let asking: Promise<void> | undefined;
  const listen: Listen = (deliver, announce) => {
    const finish = (signal: ForwardedSignal, fate: SignalFate) => {
      deliver(signal, fate);
      // a job is stopped as a whole, so stop the wrapper too
      if (STOPPING_A_JOB.some((each) => each === signal)) source.stopBy(signal);
    };
    source.listen((signal) => {
      announce(signal);
      const rule = fateOf(signal, forward, rewrites);
      const answer = rule === 'ask' ? hadByApp(signal) : undefined;
      const settle = (had: boolean | undefined) =>
        finish(signal, rule !== 'ask' ? rule : had ? { fate: 'reached' } : { fate: 'forwarded', as: asSent(signal) });
      if (!asking && !answer) return settle(undefined);
      const before = asking;
      const mine: Promise<void> = Promise.all([answer, before]).then(([had]) => {
        if (asking === mine) asking = undefined;
        settle(had);
      });
      asking = mine;
    });
  };
  return {
    listen,
    async settled() {
      await allAnnounced();
      while (asking) await asking;
    },
  };
}
