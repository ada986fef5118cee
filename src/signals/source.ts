/** Catches the signals that are passed on, from the first moment, and keeps those that come before anybody listens. */
import { takeOwnSigpipe } from '../output/sigpipe.ts';
import { FORWARDED_SIGNALS, type ForwardedSignal } from './signals.ts';

export interface SignalSource {
  /** Hears every signal from now on, those caught so far first. One listener. */
  listen(listener: (signal: ForwardedSignal) => void): void;
  /** The first that asks to end, if it comes before anybody listens. */
  readonly interrupted: Promise<ForwardedSignal>;
  /** Stops us as the signal does whoever does not catch it. Returns when somebody let us continue. */
  stopBy(signal: 'SIGTSTP'): void;
  /** Takes all handlers away: the kernel's defaults hold again. */
  release(): void;
}

/** What asks a program to end (signal(7)). */
const ENDING: ReadonlySet<ForwardedSignal> = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

/** Installs the handlers. Call it before anything slow: a signal without a handler ends the wrapper. */
export function catchSignals(): SignalSource {
  const early: ForwardedSignal[] = [];
  let interrupt: (signal: ForwardedSignal) => void = () => {};
  const interrupted = new Promise<ForwardedSignal>((resolve) => {
    interrupt = resolve;
  });
  let deliver = (signal: ForwardedSignal): void => {
    early.push(signal);
    if (ENDING.has(signal)) interrupt(signal);
  };
  const handler = (signal: ForwardedSignal) => {
    if (signal === 'SIGPIPE' && takeOwnSigpipe()) return;
    deliver(signal);
  };
  const caught = FORWARDED_SIGNALS.filter((signal) => signal !== 'SIGPROF' || !isProfiled());
  for (const signal of caught) process.on(signal, handler);
  return {
    interrupted,
    listen(listener) {
      deliver = listener;
      for (const signal of early.splice(0)) listener(signal);
    },
    stopBy(signal) {
      // by the signal itself and not SIGSTOP: in an orphaned process group, as a service has, it stops nobody
      // (termios(3))
      process.off(signal, handler);
      process.kill(process.pid, signal);
      process.on(signal, handler);
    },
    release() {
      for (const signal of caught) process.off(signal, handler);
    },
  };
}

/**
 * V8's own profiler lives by SIGPROF: with `NODE_OPTIONS=--cpu-prof` in the unit that one is not ours to pass on, and
 * with a debugger Node warns of it.
 */
function isProfiled(): boolean {
  return /--(?:(?:cpu-)?prof|inspect(?:-brk|-wait)?)\b/.test(
    `${process.execArgv.join(' ')} ${process.env['NODE_OPTIONS'] ?? ''}`,
  );
}
