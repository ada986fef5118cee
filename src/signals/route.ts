/** From the signals that come for us to what becomes of each, in the order in which they came. */
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
  /** The app is in a session of its own. */
  readonly detached: boolean;
  /**
   * Whether the app has had this one, which came just now, from whoever sent it to us.
   * @returns undefined where that cannot be told
   */
  readonly hadByApp: (signal: ForwardedSignal) => Promise<boolean> | undefined;
}

async function announced(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** @param announce told of each as it comes, before anything is asked about it */
type Listen = (
  deliver: (signal: ForwardedSignal, fate: SignalFate) => void,
  announce: (signal: ForwardedSignal) => void,
) => void;

export interface SignalRoute {
  /** From now on. */
  readonly listen: Listen;
  /** Resolves when all that has reached the process so far has been announced. */
  readonly announced: () => Promise<void>;
  /** Resolves when all that came so far has been delivered. */
  readonly settled: () => Promise<void>;
}

/** Turns of the event loop in which a signal that has reached the process is seen. */
const TURNS = 2;

export function routeSignals(
  source: SignalSource,
  { forward, rewrites, detached, hadByApp }: SignalRules,
): SignalRoute {
  // in a session of its own an app has no job control: only SIGSTOP stops it then (termios(3), orphaned process groups)
  const asSent = (signal: ForwardedSignal) =>
    detached && STOPPING_A_JOB.some((each) => each === signal) ? 'SIGSTOP' : signal;
  /** The last one that is being asked about, if any: those behind it wait. */
  let asking: Promise<void> | undefined;
  const listen: Listen = (deliver, announce) => {
    const finish = (signal: ForwardedSignal, fate: SignalFate) => {
      deliver(signal, fate);
      // a job that is stopped stops as a whole
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
    announced,
    async settled() {
      await announced();
      while (asking) await asking;
    },
  };
}
