/** Catches the forwarded signals from the start, and keeps them until a listener is set. */
import { isatty } from 'node:tty';
import { ifSent } from '../output/sigpipe.ts';
import { FORWARDED_SIGNALS, type ForwardedSignal } from './signals.ts';

export interface SignalSource {
  /** Sets the only listener. It gets the signals caught so far first. */
  listen(listener: (signal: ForwardedSignal) => void): void;
  /** Resolves with the first signal that asks us to end, if it comes before the listener is set. */
  readonly interrupted: Promise<ForwardedSignal>;
  /** Stops our process by the signal's default action. Returns after SIGCONT. */
  stopBy(signal: ForwardedSignal): void;
  /** Removes all handlers: the default actions apply again. */
  release(): void;
}

/** Signals that ask a program to end (signal(7)). */
const ENDING: ReadonlySet<ForwardedSignal> = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

/** Installs the handlers. Call it before anything slow: without a handler a signal kills the wrapper. */
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
    if (signal === 'SIGPIPE') ifSent(() => deliver(signal));
    else deliver(signal);
  };
  const isJob = [0, 1, 2].some(isatty);
  const caught = FORWARDED_SIGNALS.filter((signal) => {
    if (signal === 'SIGPROF') return !isProfiled();
    // a terminal sends them to the whole job; and if we caught them, a write of ours that raised one would be retried
    // for ever
    return !isJob || (signal !== 'SIGTTIN' && signal !== 'SIGTTOU');
  });
  for (const signal of caught) process.on(signal, handler);
  return {
    interrupted,
    listen(listener) {
      deliver = listener;
      for (const signal of early.splice(0)) listener(signal);
    },
    stopBy(signal) {
      // not by SIGSTOP: in an orphaned process group, such as a service's, the signal itself stops no process
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
 * V8's profiler uses SIGPROF: with `NODE_OPTIONS=--cpu-prof` in the unit it must not be forwarded, and with the
 * inspector Node warns about a listener for it.
 */
function isProfiled(): boolean {
  return /--(?:(?:cpu-)?prof|inspect(?:-brk|-wait)?)\b/.test(
    `${process.execArgv.join(' ')} ${process.env['NODE_OPTIONS'] ?? ''}`,
  );
}
