/**
 * The life of one start as a pure function: what happened in, what to do out. Drawn in ARCHITECTURE.md.
 *
 * starting -> ready -> ended, or starting -> timed-out -> ended, or starting -> ended. A dry run may be over when the app
 * is ready: starting -> ready -> dismissed -> ended. With a handoff starting -> orphaning -> leaving -> ended.
 */
import type { AppNotice } from './app-notice.ts';
import { describeExit, EXIT, type ExitStatus, isCleanExit } from './exit-status.ts';
import { handOver, type NotifyState, ready, statusLine } from './notify-state.ts';
import { asksToEnd, type ForwardedSignal, type SignalFate } from './signals.ts';
import { formatDuration } from './time-span.ts';

export type State =
  /** The app runs, its readiness is awaited. */
  | (Living & { readonly phase: 'starting' })
  /** READY=1 was said. */
  | (Living & { readonly phase: 'ready' })
  /** It is ready, and made the manager's own child before it is named as the main process. */
  | (Living & { readonly phase: 'orphaning'; readonly by: string; readonly afterMs: number })
  /** READY=1 was said, the app named as the main process, and systemd has to hear of it before we may end. */
  | (Living & { readonly phase: 'leaving' })
  /** It was not ready in time and is being stopped. */
  | (Living & { readonly phase: 'timed-out' })
  /** It was ready, which was all that was asked, and is being stopped. */
  | (Living & { readonly phase: 'dismissed' })
  | { readonly phase: 'ended' };

interface Living {
  readonly pid: number;
  /** When it was started, by the host's clock: `10:02:11`. */
  readonly since: string;
  /** The app has told a STATUS= of its own, which ours does not write over while all is well. */
  readonly appStatus?: true;
  /** It was logged that somebody asked us to stop before it was ready. */
  readonly stopLogged?: true;
  /** The app is to become the main process once it is ready. */
  readonly handoff?: true;
  /** Somebody wants it to end. systemd takes no other main process then, and ours has to see to the end. */
  readonly stopAsked?: ForwardedSignal;
}

export type LifeEvent =
  | { readonly type: 'started'; readonly awaited: string }
  /** What is awaited, said again because its reason changed. */
  | { readonly type: 'still-waiting'; readonly waitingFor: string }
  /** The app itself spoke to its notify socket. */
  | { readonly type: 'app-notice'; readonly notice: AppNotice }
  /** systemd is to be asked for that much more time. */
  | { readonly type: 'extension-due'; readonly byMs: number }
  | { readonly type: 'ready'; readonly by: string; readonly afterMs: number }
  /** A signal that asks to end came before the app was ready, from systemd at the end of TimeoutStartSec=, say. */
  | {
      readonly type: 'stop-asked';
      readonly signal: ForwardedSignal;
      readonly waitingFor: string;
      readonly afterMs: number;
    }
  /** What the operator can do about a start that does not succeed. */
  | { readonly type: 'advice'; readonly texts: readonly string[] }
  /** The app is nobody's but the manager's child now; `obstacle` is why not, if it is not. */
  | { readonly type: 'orphaned'; readonly obstacle: string | undefined }
  /** systemd has dealt with what it was told; `alive` is whether the app still was then. */
  | { readonly type: 'heard'; readonly alive: boolean }
  /** `stopSignal` is what stops this app. */
  | {
      readonly type: 'start-timeout';
      readonly afterMs: number;
      readonly waitingFor: string;
      readonly stopSignal: string;
    }
  /** The app is ready, and no more is wanted of it. */
  | { readonly type: 'dismissed'; readonly stopSignal: string }
  | { readonly type: 'stop-timeout'; readonly afterMs: number }
  /** One came for us. */
  | { readonly type: 'signal'; readonly signal: ForwardedSignal; readonly fate: SignalFate }
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
  /** Send a signal to the app. */
  | { readonly type: 'kill'; readonly signal: string }
  | LogEffect
  /** The wait for readiness is over: stop the probes and the start timer. */
  | { readonly type: 'stop-waiting' }
  | { readonly type: 'start-stop-timer' }
  /** Make the app the manager's own child. */
  | { readonly type: 'orphan' }
  /** See to it that systemd has heard all that it was told. */
  | { readonly type: 'await-hearing' }
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
          { type: 'notify', state: waiting(state, event.awaited) },
        ],
      };

    case 'still-waiting':
      if (state.phase !== 'starting' || state.appStatus) return { state, effects: [] };
      return {
        state,
        effects: [{ type: 'notify', state: waiting(state, event.waitingFor) }],
      };

    case 'app-notice':
      return passOn(state, event.notice);

    case 'extension-due':
      if (state.phase !== 'starting') return { state, effects: [] };
      return {
        state,
        effects: [{ type: 'notify', state: [`EXTEND_TIMEOUT_USEC=${Math.round(event.byMs * 1000)}`] }],
      };

    case 'ready': {
      if (state.phase !== 'starting') return { state, effects: [] };
      const { by, afterMs } = event;
      if (!state.handoff) return isReady(state, by, afterMs);
      return {
        state: { ...state, phase: 'orphaning', by, afterMs },
        effects: [{ type: 'stop-waiting' }, { type: 'orphan' }],
      };
    }

    case 'orphaned': {
      if (state.phase !== 'orphaning') return { state, effects: [] };
      const obstacle = state.stopAsked ? 'it is being stopped' : event.obstacle;
      return obstacle === undefined
        ? handsOver(state)
        : stays(isReady(state, state.by, state.afterMs), pid, `the wrapper stays: ${obstacle}`);
    }

    case 'heard':
      // dead: its end is on the way to us, and ours has to tell of it where systemd did not take it for the main process
      if (state.phase !== 'leaving' || !event.alive) return { state, effects: [] };
      // it may have been sent before systemd knew of another main process than us
      if (state.stopAsked) return stays({ state, effects: [] }, pid, 'the wrapper stays: it is being stopped');
      return {
        state: { phase: 'ended' },
        effects: [
          {
            type: 'end',
            status: { code: EXIT.HANDED_OVER },
            log: log('info', 'handed-over', `the main process is the app now, pid ${pid}; the wrapper leaves`, {
              app_pid: pid,
            }),
          },
        ],
      };

    case 'start-timeout': {
      if (state.phase !== 'starting') return { state, effects: [] };
      const text = `not ready after ${formatDuration(event.afterMs)}: ${event.waitingFor}`;
      return {
        state: { ...state, phase: 'timed-out' },
        effects: [
          { type: 'kill', signal: event.stopSignal },
          { type: 'stop-waiting' },
          { type: 'start-stop-timer' },
          AWAKE,
          { type: 'notify', state: [...statusLine(text), 'ERRNO=110'] },
          log('error', 'not-ready', text, { app_pid: pid, after_ms: Math.round(event.afterMs) }),
        ],
      };
    }

    case 'dismissed':
      if (state.phase !== 'ready') return { state, effects: [] };
      return {
        state: { ...state, phase: 'dismissed' },
        effects: [
          { type: 'kill', signal: event.stopSignal },
          { type: 'start-stop-timer' },
          AWAKE,
          log('info', 'dismissed', 'ready, which is all that was asked: stopping the app', { app_pid: pid }),
        ],
      };

    case 'stop-timeout':
      if (state.phase !== 'timed-out' && state.phase !== 'dismissed') return { state, effects: [] };
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
        state: state.handoff && asksToEnd(event.signal) ? { ...state, stopAsked: event.signal } : state,
        effects: signalled(pid, event.signal, event.fate),
      };

    case 'stop-asked': {
      if (state.phase !== 'starting' || state.stopLogged) return { state, effects: [] };
      const text = `${event.signal} came before the app was ready, after ${formatDuration(event.afterMs)}: ${event.waitingFor}`;
      return {
        state: { ...state, stopLogged: true },
        effects: [log('warn', 'stop-asked', text, { app_pid: pid, after_ms: Math.round(event.afterMs) })],
      };
    }

    case 'advice':
      return { state, effects: event.texts.map((text) => log('warn', 'advice', text, { app_pid: pid })) };

    case 'exited':
      return exited(state, event);
  }
}

function isReady(state: Exclude<State, { phase: 'ended' }>, by: string, afterMs: number): Transition {
  const { pid } = state;
  const text = `ready after ${formatDuration(afterMs)}: ${by}`;
  return {
    state: { ...state, phase: 'ready' },
    effects: [
      { type: 'notify', state: state.appStatus ? ['READY=1'] : ready(`App (pid ${pid}) ${text}`) },
      { type: 'stop-waiting' },
      log('info', 'ready', text, { app_pid: pid, by, after_ms: Math.round(afterMs) }),
    ],
  };
}

/** As {@link isReady}, with the app as the main process from then on. */
function handsOver(state: Extract<State, { phase: 'orphaning' }>): Transition {
  const { pid, by, afterMs } = state;
  const text = `ready after ${formatDuration(afterMs)}: ${by}`;
  return {
    state: { ...state, phase: 'leaving' },
    effects: [
      { type: 'notify', state: handOver(pid, `App ${text}`) },
      log('info', 'ready', text, { app_pid: pid, by, after_ms: Math.round(afterMs) }),
      { type: 'await-hearing' },
    ],
  };
}

function stays({ state, effects }: Transition, pid: number, why: string): Transition {
  return {
    state: state.phase === 'ended' ? state : { ...state, phase: 'ready' },
    effects: [...effects, log('warn', 'no-handoff', why, { app_pid: pid })],
  };
}

/**
 * What the app says for systemd, one state word a datagram: of two in one, versions of systemd take different ones
 * (before 253 the last). Its READY=1 ends a reload; before the app counts as ready it is for the probes alone.
 */
function passOn(state: Exclude<State, { phase: 'ended' }>, notice: AppNotice): Transition {
  const { phase, pid } = state;
  // after a missed start timeout the text that says why stays
  const rest = phase === 'timed-out' ? notice.rest.filter((assignment) => !isStatus(assignment)) : notice.rest;
  const datagrams: readonly NotifyState[] = [
    rest,
    notice.reloading ?? [],
    notice.ready && phase === 'ready' ? ['READY=1'] : [],
    notice.stopping ? ['STOPPING=1'] : [],
  ];
  const { dropped } = notice;
  return {
    state: rest.some(isStatus) ? { ...state, appStatus: true } : state,
    effects: [
      ...datagrams
        .filter((datagram) => datagram.length > 0)
        .map((datagram): Effect => ({ type: 'notify', state: datagram })),
      ...(dropped.length > 0
        ? [log('debug', 'not-passed-on', `not passed on to systemd: ${dropped.join(', ')}`, { app_pid: pid })]
        : []),
    ],
  };
}

/** systemd sends SIGCONT along with every SIGTERM (systemd.kill(5)): not worth a line of its own. */
function signalled(pid: number, signal: ForwardedSignal, fate: SignalFate): readonly Effect[] {
  const tell = (message: string) =>
    log(signal === 'SIGCONT' ? 'debug' : 'info', 'signal', message, { app_pid: pid, signal, ...fate });
  switch (fate.fate) {
    case 'forwarded': {
      const name = fate.as === signal ? '' : ` as ${fate.as}`;
      return [{ type: 'kill', signal: fate.as }, tell(`forwarded ${signal} to the app${name}`)];
    }
    case 'reached':
      return [tell(`${signal} was sent to the app as well: not forwarded`)];
    case 'withheld':
      return [tell(`${signal} is not forwarded, as asked for`)];
  }
}

/** A stopped process takes SIGTERM only once it is continued; systemd sends the pair too (systemd.kill(5)). */
const AWAKE: Effect = { type: 'kill', signal: 'SIGCONT' };

function isStatus(assignment: string): boolean {
  return assignment.startsWith('STATUS=');
}

/** What `systemctl status` shows until the app is ready. */
function waiting({ since }: Living, waitingFor: string): NotifyState {
  return statusLine(`Starting since ${since}: waiting for ${waitingFor}`);
}

function exited(state: Exclude<State, { phase: 'ended' }>, event: Extract<LifeEvent, { type: 'exited' }>): Transition {
  const { pid, phase } = state;
  // what nobody saw: whoever was told to end did so
  const status =
    event.status.guessed && state.stopAsked ? { signal: state.stopAsked, guessed: true as const } : event.status;
  const how = `the app ${describeExit(status)}`;
  const text =
    phase === 'starting' || phase === 'orphaning'
      ? `${how} after ${formatDuration(event.afterMs)}, before it was ready: ${event.waitingFor || 'it gave the sign, and died'}`
      : how;
  const failed = phase !== 'dismissed' && ((phase !== 'ready' && phase !== 'leaving') || !isCleanExit(status));
  return {
    state: { phase: 'ended' },
    effects: [
      { type: 'stop-waiting' },
      // after a missed start timeout the text that says why stays
      ...(failed && phase !== 'timed-out' ? [{ type: 'notify', state: statusLine(text) } as const] : []),
      {
        type: 'end',
        status: phase === 'timed-out' ? { code: EXIT.NOT_READY } : phase === 'dismissed' ? { code: 0 } : status,
        log: log(failed ? 'error' : 'info', 'exited', text, { app_pid: pid, ...status }),
      },
    ],
  };
}

function log(level: LogLevel, event: string, message: string, fields: Readonly<Record<string, unknown>>): LogEffect {
  return { type: 'log', level, event, message, fields };
}
