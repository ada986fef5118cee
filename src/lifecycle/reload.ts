/**
 * A reload of a unit with Type=notify-reload (systemd.service(5)): systemd sends a signal, receives RELOADING=1 with a
 * timestamp, and waits for READY=1.
 */
import { formatDuration } from '../base/time-span.ts';
import { ready, statusLine } from '../notify/state.ts';
import { log } from './log-effect.ts';
import type { Effect, LifeEvent, State, Transition } from './words.ts';

/** READY=1 was sent, and may be sent again. */
export type Running = Extract<State, { readonly phase: 'ready' | 'reloading' }>;
type Ready = Extract<State, { readonly phase: 'ready' }>;
type Reloading = Extract<State, { readonly phase: 'reloading' }>;

export function isRunning(state: State): state is Running {
  return state.phase === 'ready' || state.phase === 'reloading';
}

/**
 * systemd ignores a RELOADING=1 that is older than its signal; after it, it accepts only READY=1. A signal during a
 * reload restarts it, because systemd may have given up the earlier one.
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

/** Ends a reload, unless the app sent RELOADING=1 itself: then only its READY=1 counts. */
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

/** The app's own READY=1 ends a reload, even if probes are still waiting. */
export function reloadedByApp(state: Reloading): Transition {
  const text = 'ready again: the app sent READY=1';
  const { state: now, effects } = reloaded(state, `App (pid ${state.pid}) ${text}`);
  return { state: now, effects: [...effects, log('info', 'ready-again', text, { app_pid: state.pid })] };
}

/**
 * Sends only the reason. READY=1 would be wrong for `systemctl reload`, and a reload must not stop an app that may
 * still work as before. systemd's own limit (TimeoutStartSec=) lets the reload fail, and the unit runs on. A late
 * readiness signal still counts.
 */
export function reloadTimeout(state: Reloading, afterMs: number, waitingFor: string): Transition {
  const awaited = waitingFor || (state.byApp ? "the app's own READY=1" : 'a readiness signal');
  const text = `not ready again ${formatDuration(afterMs)} after ${state.signal}: ${awaited}; the app runs on`;
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
      // restores the app's STATUS= if the text about the timeout replaced it
      { type: 'notify', state: appStatus === undefined ? ready(readyText) : ['READY=1', ...(late ? [appStatus] : [])] },
      { type: 'stop-awaiting-again' },
    ],
  };
}

function settled({ signal: _, reloadSince: __, byApp: ___, late: ____, ...state }: Reloading): Ready {
  return { ...state, phase: 'ready' };
}
