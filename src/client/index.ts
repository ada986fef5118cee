/** `sd-ready-wrap/client`: the app's own notifications, sent through the wrapper or, with `OpenFile=`, to systemd. */

import { encode, type NotifyState, statusLine } from '../notify/state.ts';
import { send } from './channel.ts';

/**
 * Sends `READY=1`: the start, or a reload, is complete.
 * @returns whether it was sent; false e.g. outside systemd. Never throws
 */
export function ready(): boolean {
  return send('READY=1');
}

/**
 * Sends `STATUS=`, which `systemctl status` shows.
 * @param text one line, at most 1024 bytes; line breaks become spaces, longer text is cut
 * @returns whether it was sent; false e.g. outside systemd. Never throws
 */
export function status(text: string): boolean {
  return notify(() => statusLine(`${text}`));
}

/**
 * Sends `STOPPING=1`: the app is shutting down. It then has to exit within `TimeoutStopSec=`.
 * @returns whether it was sent; false e.g. outside systemd. Never throws
 */
export function stopping(): boolean {
  return send('STOPPING=1');
}

/**
 * Sends `RELOADING=1`: the app is reloading its configuration. Call {@link ready} when the reload is complete.
 * @returns whether it was sent; false e.g. outside systemd. Never throws
 */
export function reloading(): boolean {
  return notify(() => ['RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`]);
}

/**
 * Sends `EXTEND_TIMEOUT_USEC=`: the current start, stop or reload may take at least `ms` more from now on.
 * @param ms milliseconds
 * @returns whether it was sent; false e.g. outside systemd, or if `ms` is not positive and finite. Never throws
 */
export function extendTimeout(ms: number): boolean {
  return Number.isFinite(ms) && ms > 0 && send(`EXTEND_TIMEOUT_USEC=${Math.ceil(ms * 1000)}`);
}

/**
 * Sends `WATCHDOG=1`: the app is healthy. Call it at least once per `WatchdogSec=`; half that interval is usual.
 * @returns whether it was sent; false e.g. outside systemd. Never throws
 */
export function watchdog(): boolean {
  return send('WATCHDOG=1');
}

function notify(state: () => NotifyState): boolean {
  try {
    return send(new TextDecoder().decode(encode(state())));
  } catch {
    // a value without text, e.g. a symbol
    return false;
  }
}
