/**
 * Watchdog part of the lifecycle: pings for systemd's watchdog (WatchdogSec= in systemd.service(5)), and messages about
 * an unhealthy app.
 */
import { formatDuration } from '../base/time-span.ts';
import { type NotifyState, statusLine } from '../notify/state.ts';
import { log } from './log-effect.ts';
import { isRunning, type Running } from './reload.ts';
import type { Living, State, Transition } from './words.ts';

/** systemd acts after a whole interval without a ping; this reports the reason before that. */
export function unhealthy(state: Running, why: string, forMs: number): Transition {
  const { pid, watchdog, stop } = state;
  const text = `unhealthy for ${formatDuration(forMs)}: ${why}`;
  // expected while the app is shutting down
  if (stop?.known) {
    const stopping = log('info', 'unhealthy', `the app has been ${text}; it is stopping`, { app_pid: pid });
    return { state, effects: [stopping] };
  }
  const withheld = watchdog === 'app' ? '' : 'WATCHDOG=1 is not sent; ';
  const then = `${withheld}systemd stops it after WatchdogSec= unless it recovers`;
  return {
    state: { ...state, unhealthy: why },
    effects: [
      { type: 'notify', state: statusLine(`App (pid ${pid}) ${text}`) },
      log('error', 'unhealthy', `the app has been ${text}; ${then}`, { app_pid: pid, for_ms: Math.round(forMs) }),
    ],
  };
}

/** Healthy again before systemd acted: restores STATUS=. */
export function recovered(state: Running): Transition {
  const { pid, appStatus, readyText, stop } = state;
  // after SIGABRT an app under --watchdog probe counts as healthy until it is dead
  if (stop?.known) return { state, effects: [] };
  const text = appStatus === undefined ? statusLine(readyText ?? `App (pid ${pid}) is ready`) : [appStatus];
  return {
    state: { ...state, unhealthy: undefined },
    effects: [{ type: 'notify', state: text }, log('info', 'recovered', 'the app is healthy again', { app_pid: pid })],
  };
}

/**
 * Why the app was unhealthy when it ended. SIGABRT comes from systemd's watchdog (systemd.service(5), WatchdogSec=);
 * after another stop signal the app ends because an operator stopped it.
 */
export function unhealthyBefore({ unhealthy, stop }: Living): string {
  const isStopped = stop !== undefined && stop.by !== 'SIGABRT';
  return unhealthy === undefined || isStopped ? '' : `; unhealthy before: ${unhealthy}`;
}

/** Sent with READY=1, which starts systemd's watchdog: a first ping, and the interval that the app has requested. */
export function withReady({ watchdog, watchdogUsec }: Living): NotifyState {
  const ping = watchdog === undefined || watchdog === 'app' ? [] : ['WATCHDOG=1'];
  return [...ping, ...(watchdogUsec === undefined || watchdog === 'loop' ? [] : [watchdogUsec])];
}

/** Whether it is sent only with READY=1: an interval would start systemd's watchdog before the first ping. */
export function isHeldUntilReady({ watchdog, phase }: Living & State, assignment: string): boolean {
  return watchdog !== undefined && phase === 'starting' && isInterval(assignment);
}

/**
 * Whether an assignment of the app is not relayed to systemd. `loop` blocks another interval, because the beat is made
 * for the unit's interval. WATCHDOG=1 is blocked before READY=1, because it would start the watchdog, and with `probe`
 * and `loop`: an app with a blocked event loop may still ping from a thread.
 */
export function withholds(state: Living & State, assignment: string): boolean {
  const { watchdog, unwatched } = state;
  if (unwatched && assignment.startsWith('WATCHDOG')) return true;
  if (isHeldUntilReady(state, assignment) || (watchdog === 'loop' && isInterval(assignment))) return true;
  if (watchdog === undefined || assignment !== 'WATCHDOG=1') return false;
  return !isRunning(state) || watchdog === 'probe' || watchdog === 'loop';
}

/** Adds a ping to a new interval, which counts from the last ping and may be over already (sd_notify(3)). */
export function withPing(state: Living & State, assignments: NotifyState): NotifyState {
  const pings = isRunning(state) && state.watchdog !== undefined && state.watchdog !== 'app';
  return pings && assignments.some(isInterval) ? [...new Set([...assignments, 'WATCHDOG=1'])] : assignments;
}

function isInterval(assignment: string): boolean {
  return assignment.startsWith('WATCHDOG_USEC=');
}
