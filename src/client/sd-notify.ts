/**
 * `sd-ready-wrap/sd-notify`: replaces the npm package sd-notify 2.8, without its addon. Its functions have the same
 * return values and throw the same errors; they send like sd-ready-wrap/client.
 * https://github.com/systemd/node-sd-notify
 */

import { orElse } from '../base/or-else.ts';
import { send } from './channel.ts';
import { journalPrint as print } from './journal.ts';

/** Sends `READY=1`: the start, or a reload, is complete. */
export function ready(): void {
  send('READY=1');
}

/** Sends `STOPPING=1`: the app is shutting down. */
export function stopping(_pid?: number): void {
  send('STOPPING=1');
}

/** Sends `WATCHDOG=1`: the app is healthy. */
export function watchdog(): void {
  send('WATCHDOG=1');
}

/** @returns `WatchdogSec=` in milliseconds; 0 if systemd expects no pings from this process */
export function watchdogInterval(): number {
  const { WATCHDOG_USEC: usec = '', WATCHDOG_PID: pid } = process.env;
  if (!/^\d+$/.test(usec) || (pid !== undefined && pid !== String(process.pid))) return 0;
  return Math.floor(Number(usec) / 1000);
}

let timer: NodeJS.Timeout | null = null;

/**
 * Calls {@link watchdog} periodically. The timer keeps the event loop alive.
 * @param interval milliseconds, default 3000
 */
export function startWatchdogMode(interval?: number): void {
  timer = setInterval(watchdog, +(interval as number) || 3000);
}

/** Stops the pings of {@link startWatchdogMode}. */
export function stopWatchdogMode(): void {
  if (timer) {
    clearInterval(timer);
    timer = null;
  }
}

/** Sends `STATUS=`, which `systemctl status` shows. */
export function sendStatus(text: string): void {
  send(`STATUS=${text}\n`);
}

/** Sends any notification, unchanged, e.g. `STATUS=ok\nREADY=1` (sd_notify(3)). */
export function sendState(state: string): void {
  send(nativeText(state));
}

/**
 * Writes a message to the journal.
 * @param level a priority of syslog(3), from 0 to 7
 */
export function journalPrint(level: number, message: string): void {
  print(level, nativeText(message));
}

/** Writes one message: its arguments, joined by spaces. */
type Print = (...words: unknown[]) => void;

function printer(level: number): Print {
  return (...words) => print(level, words.join(' '));
}

type Level =
  | ('emerg' | 'emergency' | 'alert' | 'crit' | 'critical' | 'err' | 'error')
  | ('warning' | 'warn' | 'notice' | 'info' | 'debug');

/** Functions that write a message to the journal, one per level. */
export const log: Record<Level, Print> = {
  emerg: printer(0),
  emergency: printer(0),
  alert: printer(1),
  crit: printer(2),
  critical: printer(2),
  err: printer(3),
  error: printer(3),
  warning: printer(4),
  warn: printer(4),
  notice: printer(5),
  info: printer(6),
  debug: printer(7),
};

/** As the addon converts an argument: a value without text becomes an error text. */
function nativeText(value: unknown): string {
  return orElse(() => `${value}`, 'STATUS=conversion failed');
}

export default {
  ...{ ready, stopping, watchdog, watchdogInterval, sendState, journalPrint },
  ...{ startWatchdogMode, stopWatchdogMode, sendStatus, log },
};
