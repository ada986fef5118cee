/**
 * `sd-ready-wrap/client`: what an app says of itself to systemd, through the wrapper or, with `OpenFile=`, directly.
 * Each function returns whether it was handed over; where nobody listens it does nothing and returns false. None
 * throws.
 */
import { encode, type NotifyState, statusLine } from '../notify/state.ts';
import { send } from './channel.ts';

/** Start-up is done, or a reload: `READY=1`. */
export function ready(): boolean {
  return send('READY=1');
}

/** The text that `systemctl status` shows: `STATUS=`. Line ends become spaces. */
export function status(text: string): boolean {
  return notify(() => statusLine(`${text}`));
}

/** The app is about to end: `STOPPING=1`. From then on it has `TimeoutStopSec=` to do it in. */
export function stopping(): boolean {
  return send('STOPPING=1');
}

/** The app reads its configuration anew: `RELOADING=1`. Call {@link ready} when it is done. */
export function reloading(): boolean {
  return notify(() => ['RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`]);
}

/**
 * The start, the stop or the reload under way may take that much longer from now on: `EXTEND_TIMEOUT_USEC=`.
 * @param ms milliseconds; false for what is no positive number
 */
export function extendTimeout(ms: number): boolean {
  return Number.isFinite(ms) && ms > 0 && send(`EXTEND_TIMEOUT_USEC=${Math.ceil(ms * 1000)}`);
}

/** The app is well: `WATCHDOG=1`. Due within each `WatchdogSec=`; twice as often is the custom. */
export function watchdog(): boolean {
  return send('WATCHDOG=1');
}

function notify(state: () => NotifyState): boolean {
  try {
    return send(new TextDecoder().decode(encode(state())));
  } catch {
    // what has no text, as a symbol
    return false;
  }
}
