/**
 * `sd-ready-wrap/sd-notify`: the npm package sd-notify 2.8 without its addon. The same functions, with the same values
 * returned and the same errors thrown, by the ways of sd-ready-wrap/client.
 * https://github.com/systemd/node-sd-notify
 */

import { orElse } from '../base/or-else.ts';
import { send } from './channel.ts';
import { journalPrint as print } from './journal.ts';

/** `READY=1` */
export function ready(): void {
  send('READY=1');
}

/** `STOPPING=1` */
export function stopping(_pid?: number): void {
  send('STOPPING=1');
}

/** `WATCHDOG=1` */
export function watchdog(): void {
  send('WATCHDOG=1');
}

/** The interval of `WatchdogSec=` in milliseconds; 0 where no pings are asked of this process. */
export function watchdogInterval(): number {
  const { WATCHDOG_USEC: usec = '', WATCHDOG_PID: pid } = process.env;
  if (!/^\d+$/.test(usec) || (pid !== undefined && pid !== String(process.pid))) return 0;
  return Math.floor(Number(usec) / 1000);
}

let timer: NodeJS.Timeout | null = null;

/**
 * Calls {@link watchdog} again and again. The event loop stays alive by it. @param interval milliseconds, 3000 if not
 * named
 */
export function startWatchdogMode(interval?: number): void {
  timer = setInterval(watchdog, +(interval as number) || 3000);
}

export function stopWatchdogMode(): void {
  if (timer) {
    clearInterval(timer);
    timer = null;
  }
}

/** `STATUS=` with that text. */
export function sendStatus(text: string): void {
  send(`STATUS=${text}\n`);
}

/** Any state of sd_notify(3), as it is. */
export function sendState(state: string): void {
  send(nativeText(state));
}

/** One line for the journal. @param level a priority of syslog(3) */
export function journalPrint(level: number, message: string): void {
  print(level, nativeText(message));
}

/** One line, the words with a space between them. */
type Print = (...words: unknown[]) => void;

function printer(level: number): Print {
  return (...words) => print(level, words.join(' '));
}

type Level =
  | ('emerg' | 'emergency' | 'alert' | 'crit' | 'critical' | 'err' | 'error')
  | ('warning' | 'warn' | 'notice' | 'info' | 'debug');

/** Lines for the journal, by their level. */
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

/** As C++ takes an argument: what has no text is told so. */
function nativeText(value: unknown): string {
  return orElse(() => `${value}`, 'STATUS=conversion failed');
}

const sdNotify: {
  ready: () => void;
  stopping: (pid?: number) => void;
  watchdog: () => void;
  watchdogInterval: () => number;
  sendState: (state: string) => void;
  journalPrint: (level: number, message: string) => void;
  startWatchdogMode: (interval?: number) => void;
  stopWatchdogMode: () => void;
  sendStatus: (text: string) => void;
  log: Record<Level, Print>;
} = {
  ...{ ready, stopping, watchdog, watchdogInterval, sendState, journalPrint },
  ...{ startWatchdogMode, stopWatchdogMode, sendStatus, log },
};
export default sdNotify;
