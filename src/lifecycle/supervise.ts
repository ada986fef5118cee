/**
 * Supervises the app from its start to its death: passes events to the pure lifecycle and carries out its effects. The
 * race between readiness, the app's death and the start timeout is decided here, for all probes.
 */
import type { App } from '../app/types.ts';
import type { Clock, Disposer } from '../base/clock.ts';
import type { ExitStatus } from '../base/exit-status.ts';
import type { Moment } from '../diagnosis/advice.ts';
import type { Log } from '../log/types.ts';
import type { NotifyState } from '../notify/state.ts';
import type { AppNoticeSource, Notifier } from '../notify/types.ts';
import type { Tail } from '../output/tail.ts';
import type { Readiness } from '../probes/readiness.ts';
import { asksToEnd, type ForwardedSignal, type SignalFate } from '../signals/signals.ts';
import { untilItEnds } from '../watchdog/vitals.ts';
import { startWatch, type Watchdog } from '../watchdog/watch.ts';
import { followStatus } from './follow-status.ts';
import { next } from './lifecycle.ts';
import { isRunning } from './reload.ts';
import { waitAgain } from './wait-again.ts';
import { keepDiagnosing, keepExtending } from './while-starting.ts';
import type { Effect, LifeEvent, State } from './words.ts';

export interface Supervised {
  readonly app: App;
  /** For the log: `the app`, or `npm` if npm starts it. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly started: {
    /** ms of `clock`. */
    readonly at: number;
    /** The time of day, for people: `10:02:11`. */
    readonly since: string;
  };
  readonly readiness: Awaited;
  readonly systemd: Manager;
  readonly stop: Stopping;
  /** With WatchdogSec=. */
  readonly watchdog?: Watchdog | undefined;
}

/** The wait for readiness. */
export interface Awaited {
  readonly first: Readiness;
  /** Readiness after a reload; `signalled` resolves when the app has the reload signal. */
  readonly again: (signalled: Promise<void>) => Readiness;
  /** ms from the start; `Infinity` for none. */
  readonly timeout: number;
  /** ms from the reload signal; `Infinity` for none. */
  readonly reloadTimeout: number;
  /** ms by which systemd's start timeout is extended while the app is not ready. */
  readonly extendTimeout?: number | undefined;
  /** Returns advice for the operator about an app that is not ready. */
  readonly diagnose?: ((moment: Moment) => Promise<readonly string[]>) | undefined;
  /** The end of the app's output on watched streams. Kept until the app is ready. */
  readonly tail?: Tail | undefined;
  /** With --exit-when-ready: the app is stopped once it is ready. */
  readonly isAll?: boolean;
}

export interface Manager {
  readonly notifier: Notifier;
  /** The app's own notifications, if it has a notify socket or an IPC channel. */
  readonly notices?: AppNoticeSource | undefined;
  /** Once ready the app becomes the main process, and the wrapper exits. */
  readonly handoff?: boolean;
  /** Resolves when systemd has handled all notifications, and all signals that it sent before are reported. */
  readonly processed?: () => Promise<void>;
  /** The unit has WatchdogSec=. */
  readonly watches: boolean;
  /** Whether systemd sends this signal for a reload and then waits for RELOADING=1. */
  readonly isReload: (signal: ForwardedSignal) => boolean;
  /** Whether the unit's SuccessExitStatus= lists the exit code. */
  readonly isSuccess?: (code: number) => boolean;
  /** CLOCK_MONOTONIC, µs. */
  readonly monotonicUsec: () => bigint;
  /** The time of day, for people: `10:02:11`. */
  readonly timeOfDay: () => string;
}

export interface Stopping {
  /** Reports each signal on arrival, and again when it is known whether it is forwarded. */
  readonly onSignal: (
    listener: (signal: ForwardedSignal, fate: SignalFate) => void,
    onArrival: (signal: ForwardedSignal) => void,
  ) => void;
  /** The app's stop signal: SIGTERM, or its replacement by --rewrite-signal. */
  readonly signal: string;
  /** ms from the wrapper's own stop signal (e.g. after a missed start timeout) to SIGKILL. */
  readonly timeout: number;
  /**
   * Called once when the app is dead; resolves when its helper processes are gone. `asked`: the app got its stop
   * signal.
   */
  readonly onExit?: (asked: boolean) => Promise<void>;
  /** Resolves when all received signals were reported to `onSignal`. */
  readonly settled?: () => Promise<void>;
  /** Whether child processes of the dead app still run. */
  readonly leavesRunning?: () => boolean;
}

/** @returns the wrapper's exit status, once the app is dead and its output is relayed */
export function supervise({ app, name, clock, log, started, readiness, systemd, stop, watchdog }: Supervised) {
  const { first, diagnose } = readiness;
  const { notifier, notices } = systemd;
  const waiting = new AbortController();
  const disposers: Disposer[] = [() => waiting.abort(), () => readiness.tail?.stop()];
  const elapsed = () => clock.now() - started.at;
  let state: State = {
    ...{ phase: 'starting', pid: app.pid, name, since: started.since, stopSignal: stop.signal },
    ...(systemd.handoff && { handoff: true }),
    ...(watchdog && { watchdog: watchdog.mode }),
    ...(!systemd.watches && { unwatched: true }),
    ...(readiness.isAll && { onlyReady: true }),
  };

  return new Promise<ExitStatus>((resolve) => {
    const handle = (event: LifeEvent) => {
      const transition = next(state, event);
      state = transition.state;
      for (const effect of transition.effects) carryOut(effect);
    };

    /** For events that need a living app: it may be dead before the exit event arrives. */
    const handleIfAlive = (event: LifeEvent) => {
      if (app.isAlive()) handle(event);
    };
    const onBug = (bug: unknown) =>
      log.write('error', 'bug', `a readiness probe failed: ${bug instanceof Error ? bug.stack : bug}`);
    const again = waitAgain({
      ...{ readyAgain: readiness.again, timeout: readiness.reloadTimeout, clock, onBug },
      tell: handleIfAlive,
    });

    const carryOut = (effect: Effect) => {
      switch (effect.type) {
        case 'notify':
          return notifier.send(effect.state);
        case 'log':
          return log.write(effect.level, effect.event, effect.message, effect.fields);
        case 'stop-waiting':
          for (const dispose of disposers.splice(0)) dispose();
          return again.stop();
        case 'start-stop-timer':
          disposers.push(clock.after(stop.timeout, () => handle({ type: 'stop-timeout', afterMs: stop.timeout })));
          return;
        case 'orphan':
          // never READY=1 for a dead app, whose exit event follows
          void app.orphan().then((obstacle) => handleIfAlive({ type: 'orphaned', obstacle }));
          return;
        case 'await-processing':
          void notifier
            .sent()
            .then(() => systemd.processed?.())
            .then(() => handle({ type: 'processed', alive: app.isAlive() }));
          return;
        case 'watch':
          if (watchdog) disposers.push(watch(watchdog, effect.sent));
          return;
        case 'await-again':
          return again.begin();
        case 'stop-awaiting-again':
          return again.stop();
        case 'diagnose':
          diagnosing = diagnose?.('stopped').then(advise);
          return;
        case 'kill': {
          const failure = app.kill(effect.signal);
          if (failure) log.write('error', 'kill', `cannot send ${effect.signal} to the app: ${failure}`);
          return;
        }
        case 'end':
          void Promise.all([app.drained(), stop.onExit?.(effect.asked)]).then(async () => {
            carryOut(effect.log);
            await log.end();
            notifier.close();
            resolve(effect.status);
          });
      }
    };

    /** Ends the periodic diagnoses when a stop signal arrives. */
    let stopDiagnosing: Disposer = () => {};
    let diagnosing: Promise<void> | undefined;
    const advise = (texts: readonly string[]) => handle({ type: 'advice', texts });

    const watch = ({ mode, intervalMs, vitals }: Watchdog, sent: NotifyState): Disposer => {
      const isEnding = () => 'stop' in state && state.stop?.known === true;
      const watched = mode === 'probe' && vitals !== 'own-pings' ? untilItEnds(vitals, isEnding) : vitals;
      const watching = startWatch({ intervalMs, vitals: watched, clock, tell: handleIfAlive });
      watching.hear(sent);
      const unsubscribe = notices?.onNotice(({ rest }) => {
        if (mode !== 'loop') watching.hear(rest);
      });
      return () => {
        watching.stop();
        unsubscribe?.();
      };
    };

    let hasExited = false;
    void app.exited.then(async (status) => {
      hasExited = true;
      const afterMs = elapsed();
      // notifications such as ERRNO= and STATUS=, sent just before the end, may still be in the socket
      await notices?.drained();
      // the wrapper may have received the signal that ended the app too, and handles it later
      await stop.settled?.();
      const isStarting = state.phase === 'starting';
      // the app may have died by a signal before it was decided whether to forward that signal
      const moment = 'stop' in state && state.stop ? 'stopped' : 'died';
      if (diagnose && isStarting) await (diagnosing ?? diagnose(moment).then(advise));
      // the last lines may still be in the pipe
      if (readiness.tail && isStarting) await app.drained();
      const last = {
        left: stop.leavesRunning?.() ?? false,
        lastLine: isStarting ? readiness.tail?.lastLine() : undefined,
        isSuccess: 'code' in status && status.code > 128 && systemd.isSuccess?.(status.code) === true,
      };
      handle({ type: 'exited', status, waitingFor: first.waitingFor(), afterMs, ...last });
    });
    handle({ type: 'started', awaited: first.name });
    // the first access to /proc takes milliseconds: not only when the app is ready
    app.isAlive();
    if (readiness.extendTimeout !== undefined) {
      disposers.push(keepExtending(readiness.extendTimeout, clock, (byMs) => handle({ type: 'extension-due', byMs })));
    }
    // before the probes subscribe: notifications from before the app's READY=1 are relayed before READY=1 is sent
    notices?.onNotice((notice) => handle({ type: 'app-notice', notice }));
    stop.onSignal(
      (signal, decided) => {
        // not isAlive(): its process group may still get the signal until the app is reaped
        const fate = decided.fate === 'forwarded' && hasExited ? ({ fate: 'late' } as const) : decided;
        handle({ type: 'signal', signal, fate, waitingFor: first.waitingFor(), afterMs: elapsed() });
        if (state.phase === 'reloading' && signal === state.signal) again.signalled();
      },
      (signal) => {
        if (asksToEnd(signal)) {
          handle({ type: 'stop-requested', signal });
          stopDiagnosing();
        }
        // before READY=1 systemd sends no reload
        if (!isRunning(state) || !systemd.isReload(signal)) return;
        handle({ type: 'reload', signal, monotonicUsec: systemd.monotonicUsec(), at: systemd.timeOfDay() });
      },
    );

    const { timeout } = readiness;
    if (timeout !== Number.POSITIVE_INFINITY) {
      const giveUp = async () => {
        // dead already: the exit event follows and tells more
        if (!app.isAlive()) return;
        const waitingFor = first.waitingFor();
        // before the app is stopped, because it closes its sockets then
        const texts = diagnose && state.phase === 'starting' ? await diagnose('timeout') : [];
        if (state.phase !== 'starting') return;
        handle({ type: 'start-timeout', afterMs: timeout, waitingFor });
        advise(texts);
      };
      disposers.push(clock.after(Math.max(0, timeout - elapsed()), () => void giveUp()));
    }
    const stillWaiting = (waitingFor: string) => handle({ type: 'still-waiting', waitingFor });
    if (diagnose) {
      stopDiagnosing = keepDiagnosing(diagnose, clock, (texts) => {
        advise(texts);
        stillWaiting(first.waitingFor());
      });
      disposers.push(stopDiagnosing);
    }
    disposers.push(followStatus(first, clock, stillWaiting));
    first.wait(waiting.signal).then((by) => {
      // never READY=1 for a dead app, whose exit event follows
      if (!app.isAlive()) return;
      handle({ type: 'ready', by, afterMs: elapsed() });
      if (readiness.isAll) handle({ type: 'dismissed' });
    }, onBug);
  });
}
