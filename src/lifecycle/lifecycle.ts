/**
 * The lifecycle of one start as a pure function: events in, effects out. ARCHITECTURE.md has a diagram.
 *
 * starting -> ready -> ended, or starting -> timed-out -> ended, or starting -> ended; ready <-> reloading.
 * With --exit-when-ready: starting -> ready -> dismissed -> ended. With a handoff: starting -> orphaning -> leaving ->
 * ended.
 */
import { codeAfterStop, describeExit, EXIT, isCleanExit } from '../base/exit-status.ts';
import { formatDuration } from '../base/time-span.ts';
import type { AppNotice } from '../notify/parse.ts';
import { handOver, isStatus, type NotifyState, ready, statusLine } from '../notify/state.ts';
import { asksToEnd, type ForwardedSignal, type SignalFate } from '../signals/signals.ts';
import { log } from './log-effect.ts';
import { isRunning, readyAgain, reload, reloadedByApp, reloadingStatus, reloadTimeout } from './reload.ts';
import { isHeldUntilReady, recovered, unhealthy, unhealthyBefore, withholds, withPing, withReady } from './watchdog.ts';
import type { Effect, LifeEvent, Living, State, Stop, Transition } from './words.ts';

/** An event that has no meaning in a state changes nothing. */
export function next(state: State, event: LifeEvent): Transition {
  if (state.phase === 'ended') return { state, effects: [] };
  const { pid } = state;
  switch (event.type) {
    case 'started':
      return {
        state,
        effects: [
          log('info', 'started', `started ${state.name}, pid ${pid}; waiting for ${event.awaited}`, { app_pid: pid }),
          { type: 'notify', state: waiting(state, event.awaited) },
        ],
      };

    case 'still-waiting':
      if (state.phase === 'reloading') return { state, effects: reloadingStatus(state, event.waitingFor) };
      if (state.phase !== 'starting' || state.appStatus) return { state, effects: [] };
      return { state, effects: [{ type: 'notify', state: waiting(state, event.waitingFor) }] };

    case 'app-notice':
      return relayNotice(state, event.notice);

    case 'extension-due':
      if (state.phase !== 'starting') return { state, effects: [] };
      return { state, effects: [{ type: 'notify', state: [`EXTEND_TIMEOUT_USEC=${Math.round(event.byMs * 1000)}`] }] };

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
      // during a stop systemd accepts no new main process, so the wrapper has to stay
      const obstacle = stopAskedBy(state) ? 'the unit is being stopped' : event.obstacle;
      return obstacle === undefined
        ? handsOver(state)
        : stays(isReady(state, state.by, state.afterMs), pid, `no handoff, the wrapper stays: ${obstacle}`);
    }

    case 'processed':
      // dead: the exit event follows, and the wrapper must end with it if systemd did not accept the new main process
      if (state.phase !== 'leaving' || !event.alive) return { state, effects: [] };
      // systemd may have sent the signal before it knew of the new main process
      if (stopAskedBy(state))
        return stays({ state, effects: [] }, pid, 'no handoff, the wrapper stays: the unit is being stopped');
      return {
        state: { phase: 'ended' },
        effects: [
          {
            type: 'end',
            status: { code: EXIT.HANDED_OVER },
            log: log(
              'info',
              'handed-over',
              `handoff done: the app (pid ${pid}) is the main process; the wrapper exits`,
              {
                app_pid: pid,
              },
            ),
            asked: false,
          },
        ],
      };

    case 'start-timeout': {
      if (state.phase !== 'starting') return { state, effects: [] };
      const text = `not ready after ${formatDuration(event.afterMs)}: ${event.waitingFor}`;
      return {
        state: { ...state, phase: 'timed-out', stop: { ...BY_US, by: state.stop?.by ?? 'wrapper', failure: text } },
        effects: [
          { type: 'kill', signal: state.stopSignal },
          { type: 'stop-waiting' },
          { type: 'start-stop-timer' },
          AWAKE,
          { type: 'notify', state: statusLine(text) },
          log('error', 'not-ready', text, { app_pid: pid, after_ms: Math.round(event.afterMs) }),
        ],
      };
    }

    case 'dismissed':
      if (state.phase !== 'ready') return { state, effects: [] };
      return {
        state: { ...state, phase: 'dismissed', stop: BY_US },
        effects: [
          { type: 'kill', signal: state.stopSignal },
          { type: 'start-stop-timer' },
          AWAKE,
          log('info', 'dismissed', `ready, stopping ${state.name} (--exit-when-ready)`, { app_pid: pid }),
        ],
      };

    case 'stop-timeout':
      if (state.phase !== 'timed-out' && state.phase !== 'dismissed') return { state, effects: [] };
      return {
        state,
        effects: [
          { type: 'kill', signal: 'SIGKILL' },
          log(
            'warn',
            'killed',
            `${state.name} did not end within ${formatDuration(event.afterMs)} of SIGTERM; sent SIGKILL`,
            {
              app_pid: pid,
            },
          ),
        ],
      };

    case 'stop-requested':
      return { state: { ...state, stop: { known: false, sent: false, ...state.stop, by: event.signal } }, effects: [] };

    case 'signal': {
      const { stop, effects: stopEffects } = stopBy(state, event);
      const now: typeof state = { ...state, ...(stop && { stop }) };
      const effects = [...signalEffects(state, event.signal, event.fate), ...stopEffects];
      // without the signal the app does not reload
      if (now.phase !== 'reloading' || event.signal !== now.signal || event.fate.fate !== 'withheld')
        return { state: now, effects };
      const done = readyAgain(now, 'the reload signal was not forwarded', 0);
      return { state: done.state, effects: [...effects, ...done.effects] };
    }

    case 'reload':
      return isRunning(state) ? reload(state, event) : { state, effects: [] };

    case 'ready-again':
      return state.phase === 'reloading' ? readyAgain(state, event.by, event.afterMs) : { state, effects: [] };

    case 'reload-timeout':
      return state.phase === 'reloading'
        ? reloadTimeout(state, event.afterMs, event.waitingFor)
        : { state, effects: [] };

    case 'healthy':
      return { state, effects: isRunning(state) ? [{ type: 'notify', state: ['WATCHDOG=1'] }] : [] };

    case 'unhealthy':
      return isRunning(state) ? unhealthy(state, event.why, event.forMs) : { state, effects: [] };

    case 'recovered':
      return isRunning(state) ? recovered(state) : { state, effects: [] };

    case 'advice': {
      const { texts } = event;
      const isNews = (text: string) => state.advice?.includes(text) !== true;
      const lines = texts.filter(isNews).map((text) => log('warn', 'advice', text, { app_pid: pid }));
      if (state.phase !== 'starting' && state.phase !== 'timed-out') return { state, effects: lines };
      const advised = { ...state, advice: texts };
      return advised.phase === 'starting' || texts.length === 0
        ? { state: advised, effects: lines }
        : {
            state: advised,
            effects: [{ type: 'notify', state: statusOf(advised.stop?.failure ?? '', ...texts) }, ...lines],
          };
    }

    case 'exited':
      return exited(state, event);
  }
}

function isReady(state: Exclude<State, { phase: 'ended' }>, by: string, afterMs: number): Transition {
  const { pid } = state;
  const text = `ready after ${formatDuration(afterMs)}: ${by}`;
  const readyText = `App (pid ${pid}) ${text}`;
  const ping = withReady(state);
  return {
    state: { ...state, readyText, phase: 'ready' },
    effects: [
      { type: 'notify', state: [...(state.appStatus ? ['READY=1'] : ready(readyText)), ...ping] },
      { type: 'stop-waiting' },
      ...(state.watchdog === undefined ? [] : [{ type: 'watch', sent: ping } as const]),
      log('info', 'ready', text, { app_pid: pid, by, after_ms: Math.round(afterMs) }),
    ],
  };
}

/** Like {@link isReady}, and names the app as the main process. */
function handsOver(state: Extract<State, { phase: 'orphaning' }>): Transition {
  const { pid, by, afterMs } = state;
  const text = `ready after ${formatDuration(afterMs)}: ${by}`;
  return {
    state: { ...state, phase: 'leaving' },
    effects: [
      { type: 'notify', state: handOver(pid, `App ${text}`) },
      log('info', 'ready', text, { app_pid: pid, by, after_ms: Math.round(afterMs) }),
      { type: 'await-processing' },
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
 * Relays the app's notification with one of READY=1, RELOADING=1 and STOPPING=1 per datagram: of two in one datagram,
 * systemd accepts one, which depends on its version (before 253 the last). READY=1 ends a reload; while the app is
 * starting, READY=1 is only for the probes.
 */
function relayNotice(state: Exclude<State, { phase: 'ended' }>, notice: AppNotice): Transition {
  const { phase, pid } = state;
  const rest = notice.rest.filter(
    (assignment) =>
      // after a missed start timeout, STATUS= keeps the reason
      !(phase === 'timed-out' && isStatus(assignment)) &&
      // unchanged
      assignment !== state.appStatus &&
      !withholds(state, assignment),
  );
  const { dropped, reloading } = notice;
  const status = rest.findLast(isStatus);
  const interval = notice.rest.find((assignment) => isHeldUntilReady(state, assignment));
  const updated: typeof state = {
    ...state,
    ...(status === undefined ? {} : { appStatus: status }),
    ...(interval === undefined ? {} : { watchdogUsec: interval }),
    ...(notice.stopping ? { stop: { by: 'app', sent: false, ...state.stop, known: true } as const } : {}),
  };
  // the wrapper has sent RELOADING=1 already, with the required MONOTONIC_USEC=
  const reloads = phase === 'reloading' && reloading !== undefined;
  const now: typeof state = reloads && updated.phase === 'reloading' ? { ...updated, byApp: true } : updated;
  const reloaded = notice.ready && now.phase === 'reloading' ? reloadedByApp(now) : undefined;
  const notify = (datagram: NotifyState): readonly Effect[] =>
    datagram.length > 0 ? [{ type: 'notify', state: datagram }] : [];
  return {
    state: reloaded?.state ?? now,
    effects: [
      ...notify(withPing(state, rest)),
      ...notify(reloads ? [] : (reloading ?? [])),
      ...(reloaded?.effects ?? notify(notice.ready && phase === 'ready' ? ['READY=1'] : [])),
      ...notify(notice.stopping ? ['STOPPING=1'] : []),
      ...(dropped.length > 0
        ? [log('debug', 'not-passed-on', `not relayed to systemd: ${dropped.join(', ')}`, { app_pid: pid })]
        : []),
    ],
  };
}

/** SIGCONT is logged as debug only, because systemd sends one with each SIGTERM (systemd.kill(5)). */
function signalEffects({ pid, name }: Living, signal: ForwardedSignal, fate: SignalFate): readonly Effect[] {
  const tell = (message: string) =>
    log(signal === 'SIGCONT' ? 'debug' : 'info', 'signal', message, { app_pid: pid, signal, ...fate });
  switch (fate.fate) {
    case 'forwarded': {
      const as = fate.as === signal ? '' : ` as ${fate.as}`;
      return [{ type: 'kill', signal: fate.as }, tell(`forwarded ${signal} to ${name}${as}`)];
    }
    case 'reached':
      return [tell(`${signal} already reached ${name} (sent to the whole unit)`)];
    case 'late':
      return [tell(`${signal} not forwarded: ${name} had ended`)];
    case 'withheld':
      return [tell(`${signal} not forwarded (--forward-signals or --rewrite-signal)`)];
  }
}

/** A stop by the wrapper itself, which sends the stop signal at the same time. */
const BY_US: Stop = { by: 'wrapper', known: true, sent: true };

/** The received signal that began the stop, if any. */
function stopAskedBy({ stop }: Living): ForwardedSignal | undefined {
  return stop === undefined || stop.by === 'app' || stop.by === 'wrapper' ? undefined : stop.by;
}

/** Updates the stop after a signal. Before READY=1, a stop means that the start has failed. */
function stopBy(
  state: Exclude<State, { phase: 'ended' }>,
  { signal, fate, waitingFor, afterMs }: Extract<LifeEvent, { type: 'signal' }>,
): { readonly stop: Stop | undefined; readonly effects: readonly Effect[] } {
  const { stop, pid, phase, stopSignal } = state;
  // a forwarded SIGINT is not enough: background jobs of a shell ignore it
  const isSent = fate.fate === 'forwarded' && [stopSignal, 'SIGTERM'].includes(fate.as);
  if (!asksToEnd(signal) && !isSent) return { stop, effects: [] };
  const arrives = fate.fate === 'forwarded' || fate.fate === 'reached';
  const known = stop?.known === true || arrives;
  const now: Stop = { ...stop, by: signal, known, sent: stop?.sent === true || isSent };
  if (phase !== 'starting' || !arrives || now.failure !== undefined) return { stop: now, effects: [] };
  const failure = `stopped by ${signal} after ${formatDuration(afterMs)}, before the app was ready: ${waitingFor}`;
  return {
    stop: { ...now, failure },
    effects: [
      log('warn', 'stop-requested', failure, { app_pid: pid, after_ms: Math.round(afterMs) }),
      { type: 'diagnose' },
    ],
  };
}

/** A stopped process handles SIGTERM only after SIGCONT; systemd sends both too (systemd.kill(5)). */
const AWAKE: Effect = { type: 'kill', signal: 'SIGCONT' };

/** What `systemctl status` shows until the app is ready. */
function waiting({ since, advice = [] }: Living, waitingFor: string): NotifyState {
  return statusOf(`Starting since ${since}: waiting for ${waitingFor}`, ...advice);
}

function statusOf(...texts: readonly string[]): NotifyState {
  return statusLine(texts.join('; '));
}

/** Why the app was not ready when it ended, without the obvious ECONNREFUSED. */
function describeUnmet(waitingFor: string): string {
  const refused = /^(.*): ECONNREFUSED$/.exec(waitingFor)?.[1];
  if (refused !== undefined && !refused.includes('; ')) return `before it listened (${refused})`;
  return `before it was ready: ${waitingFor || 'the readiness signal came too late'}`;
}

const FOREGROUND = 'if the app daemonizes, turn that off: under systemd it must stay in the foreground';

function exited(state: Exclude<State, { phase: 'ended' }>, event: Extract<LifeEvent, { type: 'exited' }>): Transition {
  const { pid, phase } = state;
  // if the real status is unknown and a stop signal was received, assume that this signal ended the app
  const signal = stopAskedBy(state);
  const status = event.status.guessed && signal ? { signal, guessed: true as const } : event.status;
  const how = `${state.name} ${describeExit(status)}`;
  const left = event.left ? '; its children still run' : '';
  const code = isRunning(state) ? codeAfterStop(status, signal) : undefined;
  const isClean = isCleanExit(status) || (code !== undefined && event.isSuccess === true);
  const remedy = code === undefined || isClean ? '' : `; if this is its normal end, add SuccessExitStatus=${code}`;
  const failure = state.stop?.failure;
  // with `failure` the log has the reason already; a new one could be wrong, because a stopping app closes its port
  const awaited = failure === undefined ? describeUnmet(event.waitingFor) : 'before it was ready';
  const words =
    event.lastLine === undefined || failure !== undefined ? '' : `; its last line of output: ${event.lastLine}`;
  const text =
    phase === 'starting' || phase === 'orphaning'
      ? `${how} after ${formatDuration(event.afterMs)}, ${awaited}${left}${words}`
      : `${how}${left}${unhealthyBefore(state)}${remedy}`;
  const endsWell = 'code' in status && status.code === 0;
  const isBackground = phase === 'starting' && endsWell && !state.stop;
  const advice = [...((phase === 'starting' && state.advice) || []), ...(isBackground ? [FOREGROUND] : [])];
  const failed = phase !== 'dismissed' && ((!isRunning(state) && phase !== 'leaving') || !isClean);
  // systemd counts an exit before READY=1 as a failure too (systemd.service(5), Type=notify)
  const neverReady = phase === 'timed-out' || (phase === 'starting' && state.onlyReady && endsWell);
  const isUnexplained = phase === 'starting' && !endsWell && words === '' && advice.length === 0;
  const why =
    phase === 'starting' && failure !== undefined
      ? [failure, `${how}${left}`]
      : [text, ...(isUnexplained ? ['its own output may say why'] : [])];
  return {
    state: { phase: 'ended' },
    effects: [
      { type: 'stop-waiting' },
      // after a missed start timeout, STATUS= keeps the reason
      ...(failed && phase !== 'timed-out' ? [{ type: 'notify', state: statusOf(...why, ...advice) } as const] : []),
      ...(isBackground ? [log('warn', 'advice', FOREGROUND, { app_pid: pid })] : []),
      {
        type: 'end',
        status: neverReady ? { code: EXIT.NOT_READY } : phase === 'dismissed' ? { code: 0 } : status,
        log: log(!failed ? 'info' : remedy ? 'warn' : 'error', 'exited', text, { app_pid: pid, ...status }),
        asked: state.stop?.sent === true,
      },
    ],
  };
}
