/** Catches the signals that are passed on, from the first moment, and keeps those that come before anybody listens. */
import { FORWARDED_SIGNALS, type ForwardedSignal } from '../core/signals.ts';
import { takeOwnSigpipe } from './sigpipe.ts';

export interface SignalSource {
  /** Hears every signal from now on, those caught so far first. One listener. */
  listen(listener: (signal: ForwardedSignal) => void): void;
  /** Takes all handlers away: the kernel's defaults hold again. */
  release(): void;
}

/** Installs the handlers. Call it before anything slow: a signal without a handler ends the wrapper. */
export function catchSignals(): SignalSource {
  const early: ForwardedSignal[] = [];
  let deliver = (signal: ForwardedSignal): void => {
    early.push(signal);
  };
  const handler = (signal: ForwardedSignal) => {
    if (signal === 'SIGPIPE' && takeOwnSigpipe()) return;
    deliver(signal);
  };
  const caught = FORWARDED_SIGNALS.filter((signal) => signal !== 'SIGPROF' || !isProfiled());
  for (const signal of caught) process.on(signal, handler);
  return {
    listen(listener) {
      deliver = listener;
      for (const signal of early.splice(0)) listener(signal);
    },
    release() {
      for (const signal of caught) process.off(signal, handler);
    },
  };
}

/** V8's own profiler lives by SIGPROF: with `NODE_OPTIONS=--cpu-prof` in the unit that one is not ours to pass on. */
function isProfiled(): boolean {
  return /--(cpu-)?prof\b/.test(`${process.execArgv.join(' ')} ${process.env['NODE_OPTIONS'] ?? ''}`);
}
