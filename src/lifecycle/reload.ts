/**
 * A reload in the lifecycle of an app whose unit is Type=notify-reload (systemd.service(5)): systemd sends a signal,
 * hears RELOADING=1 with the time of it, and waits for READY=1.
 */
import { formatDuration } from '../base/time-span.ts';
import { ready, statusLine } from '../notify/state.ts';
import { log } from './log-effect.ts';
import type { Effect, LifeEvent, State, Transition } from './words.ts';

/** READY=1 was said, and may be said again. */
export type Running = Extract<State, { readonly phase: 'ready' | 'reloading' }>;
type Ready = Extract<State, { readonly phase: 'ready' }>;
type Reloading = Extract<State, { readonly phase: 'reloading' }>;

export function isRunning(state: State): state is Running {
  return state.phase === 'ready' || state.phase === 'reloading';
}

/**
 * systemd takes no RELOADING=1 that is older than its signal, and nothing but READY=1 after it. One during a reload
 * begins it anew: systemd may have given up the one before.
 */
export function reload(state: Running, event: Extract<LifeEvent, { type: 'reload' }>): Transition {
  const { signal, monotonicUsec, at } = event;
  return {
    state: { ...(state.phase === 'ready' ? state : settled(state)), phase: 'reloading', signal, reloadSince: at },
    effects: [
      { type: 'notify', state: ['RELOADING=1', `MONOTONIC_USEC=${monotonicUsec}`] },
      { type: 'await-again' },
      log('info', 'reloading', `${signal}: the app reloads (sent RELOADING=1)`, { app_pid: state.pid, signal }),
    ],
  };
}

/** What `systemctl status` shows until the app is ready again. */
export function reloadingStatus({ appStatus, late, reloadSince }: Reloading, waitingFor: string): readonly Effect[] {
  if (appStatus || late) return [];
  return [{ type: 'notify', state: statusLine(`Reloading since ${reloadSince}: waiting for ${waitingFor}`) }];
}

/** The end of a reload. An app that said itself that it reloads says itself when it is done. */
export function readyAgain(state: Reloading, by: string, afterMs: number): Transition {
  if (state.byApp) return { state, effects: [] };
  const { pid } = state;
  const text = `ready again after ${formatDuration(afterMs)}: ${by}`;
  const { state: now, effects } = reloaded(state, `App (pid ${pid}) ${text}`);
  return {
    state: now,
    effects: [...effects, log('info', 'ready-again', text, { app_pid: pid, by, after_ms: Math.round(afterMs) })],
  };
}

/** The app's own READY=1 in a reload: the end of it, whatever else is awaited. */
export function reloadedByApp(state: Reloading): Transition {
  const text = 'ready again: the app sent READY=1';
  const { state: now, effects } = reloaded(state, `App (pid ${state.pid}) ${text}`);
  return { state: now, effects: [...effects, log('info', 'ready-again', text, { app_pid: state.pid })] };
}

/**
 * No READY=1, which would be a lie to whoever waits in `systemctl reload`; and to stop an app that perhaps serves on as
 * before is nothing that a reload may do. So systemd is left to its own limit (TimeoutStartSec=), at which the reload
 * fails and the unit runs on; what is told is why. A sign that comes late still counts.
 */
export function reloadTimeout(state: Reloading, afterMs: number, waitingFor: string): Transition {
  const awaited = waitingFor || (state.byApp ? "the app's own READY=1" : 'a readiness signal');
  const text = `not ready again ${formatDuration(afterMs)} after ${state.signal}: ${awaited}`;
  return {
    state: { ...state, late: true },
    effects: [
      { type: 'notify', state: statusLine(text) },
      log('error', 'not-ready-again', text, { app_pid: state.pid, after_ms: Math.round(afterMs) }),
    ],
  };
}

function reloaded(state: Reloading, readyText: string): Transition {
  const { appStatus, late } = state;
  return {
    state: { ...settled(state), readyText },
    effects: [
      // its own text, where ours about the limit stands in its place
      {
        type: 'notify',
        state: appStatus === undefined ? ready(readyText) : ['READY=1', ...(late ? [appStatus] : [])],
      },
      { type: 'stop-awaiting-again' },
    ],
  };
}

function settled({ signal: _, reloadSince: __, byApp: ___, late: ____, ...state }: Reloading): Ready {
  return { ...state, phase: 'ready' };
}
