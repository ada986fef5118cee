/**
 * The life of one start as a pure function: what happened in, what to do out. Drawn in ARCHITECTURE.md.
 *
 * starting -> ready -> ended, or starting -> timed-out -> ended, or starting -> ended.
 */
import { describeExit, EXIT, type ExitStatus, isCleanExit } from './exit-status.ts';
import { type NotifyState, ready, statusLine } from './notify-state.ts';
import type { ForwardedSignal } from './signals.ts';
import { formatDuration } from './time-span.ts';

export type State =
  /** The app runs, its readiness is awaited. */
  | { readonly phase: 'starting'; readonly pid: number }
  /** READY=1 was said. */
  | { readonly phase: 'ready'; readonly pid: number }
  /** It was not ready in time and is being stopped. */
  | { readonly phase: 'timed-out'; readonly pid: number }
  | { readonly phase: 'ended' };

export type LifeEvent =
  | { readonly type: 'started'; readonly awaited: string }
  /** What is awaited, said again because its reason changed. */
  | { readonly type: 'still-waiting'; readonly waitingFor: string }
  | { readonly type: 'ready'; readonly by: string; readonly afterMs: number }
  | { readonly type: 'start-timeout'; readonly afterMs: number; readonly waitingFor: string }
  | { readonly type: 'stop-timeout'; readonly afterMs: number }
  | { readonly type: 'signal'; readonly signal: ForwardedSignal }
  | { readonly type: 'exited'; readonly status: ExitStatus; readonly waitingFor: string; readonly afterMs: number };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogEffect {
  readonly type: 'log';
  readonly level: LogLevel;
  readonly event: string;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export type Effect =
  | { readonly type: 'notify'; readonly state: NotifyState }
  /** Send a signal to the app; `why` goes to the log behind it. */
  | { readonly type: 'kill'; readonly signal: string }
  | LogEffect
  /** The wait for readiness is over: stop the probes and the start timer. */
  | { readonly type: 'stop-waiting' }
  | { readonly type: 'start-stop-timer' }
  /**
   * The wrapper ends as the app did, or with a code of its own. Once the app's last words are passed on: `log` says how
   * it ended, and stands behind them.
   */
  | { readonly type: 'end'; readonly status: ExitStatus; readonly log: LogEffect };

export interface Transition {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** The next state and what to do. Events that mean nothing in a state change nothing. */
export function next(state: State, event: LifeEvent): Transition {
  if (state.phase === 'ended') return { state, effects: [] };
  const { pid } = state;
  switch (event.type) {
    case 'started':
      return {
        state,
        effects: [
          log('info', 'started', `started the app, pid ${pid}; waiting for ${event.awaited}`, { app_pid: pid }),
          { type: 'notify', state: waiting(event.awaited) },
        ],
      };

    case 'still-waiting':
      if (state.phase !== 'starting') return { state, effects: [] };
      return {
        state,
        effects: [{ type: 'notify', state: waiting(event.waitingFor) }],
      };

    case 'ready': {
      if (state.phase !== 'starting') return { state, effects: [] };
      const text = `ready after ${formatDuration(event.afterMs)}: ${event.by}`;
      return {
        state: { phase: 'ready', pid },
        effects: [
          { type: 'notify', state: ready(`App (pid ${pid}) ${text}`) },
          { type: 'stop-waiting' },
          log('info', 'ready', text, { app_pid: pid, by: event.by, after_ms: Math.round(event.afterMs) }),
        ],
      };
    }

    case 'start-timeout': {
      if (state.phase !== 'starting') return { state, effects: [] };
      const text = `not ready after ${formatDuration(event.afterMs)}: ${event.waitingFor}`;
      return {
        state: { phase: 'timed-out', pid },
        effects: [
          { type: 'kill', signal: 'SIGTERM' },
          { type: 'stop-waiting' },
          { type: 'start-stop-timer' },
          // a stopped process takes SIGTERM only once it is continued; systemd sends the pair too (systemd.kill(5))
          { type: 'kill', signal: 'SIGCONT' },
          { type: 'notify', state: [...statusLine(text), 'ERRNO=110'] },
          log('error', 'not-ready', text, { app_pid: pid, after_ms: Math.round(event.afterMs) }),
        ],
      };
    }

    case 'stop-timeout':
      if (state.phase !== 'timed-out') return { state, effects: [] };
      return {
        state,
        effects: [
          { type: 'kill', signal: 'SIGKILL' },
          log('warn', 'killed', `the app did not end within ${formatDuration(event.afterMs)} of SIGTERM: SIGKILL`, {
            app_pid: pid,
          }),
        ],
      };

    case 'signal':
      return {
        state,
        effects: [
          { type: 'kill', signal: event.signal },
          // systemd sends SIGCONT along with every SIGTERM (systemd.kill(5)): not worth a line of its own
          log(event.signal === 'SIGCONT' ? 'debug' : 'info', 'signal', `forwarded ${event.signal} to the app`, {
            app_pid: pid,
            signal: event.signal,
          }),
        ],
      };

    case 'exited':
      return exited(state, event);
  }
}

/** What `systemctl status` shows until the app is ready. */
function waiting(waitingFor: string): NotifyState {
  return statusLine(`Starting: waiting for ${waitingFor}`);
}

function exited(state: Exclude<State, { phase: 'ended' }>, event: Extract<LifeEvent, { type: 'exited' }>): Transition {
  const { pid, phase } = state;
  const how = `the app ${describeExit(event.status)}`;
  const text =
    phase === 'starting'
      ? `${how} after ${formatDuration(event.afterMs)}, before it was ready: ${event.waitingFor || 'it gave the sign, and died'}`
      : how;
  const failed = phase !== 'ready' || !isCleanExit(event.status);
  return {
    state: { phase: 'ended' },
    effects: [
      { type: 'stop-waiting' },
      // after a missed start timeout the text that says why stays
      ...(failed && phase !== 'timed-out' ? [{ type: 'notify', state: statusLine(text) } as const] : []),
      {
        type: 'end',
        status: phase === 'timed-out' ? { code: EXIT.NOT_READY } : event.status,
        log: log(failed ? 'error' : 'info', 'exited', text, { app_pid: pid, ...event.status }),
      },
    ],
  };
}

function log(level: LogLevel, event: string, message: string, fields: Readonly<Record<string, unknown>>): LogEffect {
  return { type: 'log', level, event, message, fields };
}
