/**
 * What the lifecycle says of an app that is not well, to systemd's watchdog above all (WatchdogSec= in
 * systemd.service(5)).
 */
import { formatDuration } from '../base/time-span.ts';
import { type NotifyState, statusLine } from '../notify/state.ts';
import { log } from './log-effect.ts';
import { isRunning, type Running } from './reload.ts';
import type { Effect, Living, State } from './words.ts';

/** The pings end, and systemd acts once it has heard none for all of its interval: this says why before it does. */
export function unhealthy({ pid, watchdog, stop }: Running, why: string, forMs: number): readonly Effect[] {
  const text = `unhealthy for ${formatDuration(forMs)}: ${why}`;
  // one that ends may take its time about it
  if (stop?.known) return [log('info', 'unhealthy', `the app is ${text}; it is stopping`, { app_pid: pid })];
  const withheld = watchdog === 'app' ? '' : 'WATCHDOG=1 is not sent; ';
  const then = `${withheld}systemd stops it after WatchdogSec= unless it recovers`;
  return [
    { type: 'notify', state: statusLine(`App (pid ${pid}) ${text}`) },
    log('error', 'unhealthy', `the app is ${text}; ${then}`, { app_pid: pid, for_ms: Math.round(forMs) }),
  ];
}

/** In time: the text from before stands again. */
export function recovered({ pid, appStatus, readyText, stop }: Running): readonly Effect[] {
  if (stop?.known) return [];
  const text = appStatus === undefined ? statusLine(readyText ?? `App (pid ${pid}) is ready`) : [appStatus];
  return [{ type: 'notify', state: text }, log('info', 'recovered', 'the app is healthy again', { app_pid: pid })];
}

/**
 * What goes with READY=1, from which on systemd's watchdog runs: a first ping, and the interval that the app wants.
 */
export function withReady({ watchdog, watchdogUsec }: Living): NotifyState {
  const ping = watchdog === undefined || watchdog === 'app' ? [] : ['WATCHDOG=1'];
  return [...ping, ...(watchdogUsec === undefined || watchdog === 'loop' ? [] : [watchdogUsec])];
}

/** Whether that is for systemd only with READY=1: another interval starts its watchdog, and nobody pings before. */
export function holdsBack({ watchdog, phase }: Living & State, assignment: string): boolean {
  return watchdog !== undefined && phase === 'starting' && isInterval(assignment);
}

/**
 * Whether what the app says is not for systemd now. Another interval is not with `loop`, whose beat is for that of the
 * unit. Its own WATCHDOG=1 is not before READY=1, as it would start the watchdog, nor where the operator wants the word
 * of another: an app whose event loop hangs may still ping from a thread of it.
 */
export function withholds(state: Living & State, assignment: string): boolean {
  const { watchdog, unwatched } = state;
  if (unwatched && assignment.startsWith('WATCHDOG')) return true;
  if (holdsBack(state, assignment) || (watchdog === 'loop' && isInterval(assignment))) return true;
  if (watchdog === undefined || assignment !== 'WATCHDOG=1') return false;
  return !isRunning(state) || watchdog === 'probe' || watchdog === 'loop';
}

/** Another interval counts from the last ping, which may be longer ago than that (sd_notify(3), WATCHDOG_USEC=). */
export function withPing(state: Living & State, assignments: NotifyState): NotifyState {
  const pings = isRunning(state) && state.watchdog !== undefined && state.watchdog !== 'app';
  return pings && assignments.some(isInterval) ? [...new Set([...assignments, 'WATCHDOG=1'])] : assignments;
}

function isInterval(assignment: string): boolean {
  return assignment.startsWith('WATCHDOG_USEC=');
}
