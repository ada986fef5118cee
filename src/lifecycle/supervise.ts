/**
 * One start from the app's first moment to its death: feeds what happens to the pure lifecycle and carries out what it
 * says. The race of readiness with the app's death and with the start timeout is here, once for all probes.
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
  /** For the log: `the app`, or `npm` where that starts the app. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly started: {
    /** On `clock`. */
    readonly at: number;
    /** The same by the host's clock, for people: `10:02:11`. */
    readonly since: string;
  };
  readonly readiness: Awaited;
  readonly systemd: Manager;
  readonly stop: Stopping;
  /** Where systemd's watchdog waits for pings. */
  readonly watchdog?: Watchdog | undefined;
}

/** What is awaited, how long, and what is done about it. */
export interface Awaited {
  readonly first: Readiness;
  /** The signs of readiness after a reload; `told` resolves when the app is told to. */
  readonly again: (told: Promise<void>) => Readiness;
  /** ms, from the start; `Infinity` is none. */
  readonly timeout: number;
  /** ms, from the signal for a reload; `Infinity` is none. */
  readonly reloadTimeout: number;
  /** How much more time systemd is asked for while the app is not ready, ms. */
  readonly extendTimeout?: number | undefined;
  /** What the operator can do about an app that is not ready. */
  readonly diagnose?: ((moment: Moment) => Promise<readonly string[]>) | undefined;
  /** The end of what the app wrote, where that can be seen. Kept until it is ready. */
  readonly tail?: Tail | undefined;
  /** That it becomes ready is all that is asked of the app: it is stopped then. */
  readonly isAll?: boolean;
}

/** systemd, and what the app tells it. */
export interface Manager {
  readonly notifier: Notifier;
  /** What the app itself tells systemd, where it is given a notify socket. */
  readonly notices?: AppNoticeSource | undefined;
  /** The app is to become the main process once it is ready, and the wrapper leaves. */
  readonly handoff?: boolean;
  /** Resolves when systemd has dealt with what it was sent, and what it had sent us before was told. */
  readonly heard?: () => Promise<void>;
  /** The unit has WatchdogSec=. */
  readonly watches: boolean;
  /** Whether systemd sends that one for a reload, and waits for us to say so. */
  readonly isReload: (signal: ForwardedSignal) => boolean;
  /** CLOCK_MONOTONIC, µs. */
  readonly monotonicUsec: () => bigint;
  /** The host's clock, for people: `10:02:11`. */
  readonly timeOfDay: () => string;
}

/** How signals come, and how the app ends. */
export interface Stopping {
  /** Tells of every signal as it comes, and then what becomes of it. */
  readonly onSignal: (
    listener: (signal: ForwardedSignal, fate: SignalFate) => void,
    onArrival: (signal: ForwardedSignal) => void,
  ) => void;
  /** What stops this app: SIGTERM, or what that is rewritten to. */
  readonly signal: string;
  /** ms, from a stop signal of ours, after a missed start timeout, say, to SIGKILL. */
  readonly timeout: number;
  /**
   * Called once when the app is dead; resolves when what was started for it is gone. `asked` is whether it was sent its
   * stop signal.
   */
  readonly onExit?: (asked: boolean) => Promise<void>;
  /** Resolves when each signal that has reached us was announced to `onSignal`. */
  readonly announced?: () => Promise<void>;
  /** Whether processes that the app has started still run, after its own death. */
  readonly leavesRunning?: () => boolean;
}

/** @returns how the wrapper has to end, once the app is dead and its output passed on */
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

    /** For what the app's life is needed: its death may be known to the kernel and not yet to us. */
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
          // READY=1 is never said for a dead app: its end is on the way to us
          void app.orphan().then((obstacle) => handleIfAlive({ type: 'orphaned', obstacle }));
          return;
        case 'await-hearing':
          void notifier
            .sent()
            .then(() => systemd.heard?.())
            .then(() => handle({ type: 'heard', alive: app.isAlive() }));
          return;
        case 'watch':
          if (watchdog) disposers.push(watch(watchdog, effect.said));
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

    /** Of an app that is to end nothing more is found out but what is under way, since a stop was asked for. */
    let stopDiagnosing: Disposer = () => {};
    let diagnosing: Promise<void> | undefined;
    const advise = (texts: readonly string[]) => handle({ type: 'advice', texts });

    const watch = ({ mode, intervalMs, vitals }: Watchdog, said: NotifyState): Disposer => {
      const isEnding = () => 'stop' in state && state.stop?.known === true;
      const mine = mode === 'probe' && vitals !== 'own-pings' ? untilItEnds(vitals, isEnding) : vitals;
      const watching = startWatch({ intervalMs, vitals: mine, clock, tell: handleIfAlive });
      watching.hear(said);
      const stopHearing = notices?.onNotice(({ rest }) => {
        if (mode !== 'loop') watching.hear(rest);
      });
      return () => {
        watching.stop();
        stopHearing?.();
      };
    };

    void app.exited.then(async (status) => {
      const afterMs = elapsed();
      // its last words to systemd may still be on their way: ERRNO= and STATUS= are said just before the end
      await notices?.drained();
      // the signal that ended it has reached us as well, perhaps: on another thread, and so in a later turn
      await stop.announced?.();
      const isStarting = state.phase === 'starting';
      // it may have died of a signal before it is known what became of that
      const moment = 'stop' in state && state.stop ? 'stopped' : 'died';
      if (diagnose && isStarting) await (diagnosing ?? diagnose(moment).then(advise));
      // its last words are still on their way
      if (readiness.tail && isStarting) await app.drained();
      const last = {
        left: stop.leavesRunning?.() ?? false,
        lastLine: isStarting ? readiness.tail?.lastLine() : undefined,
      };
      handle({ type: 'exited', status, waitingFor: first.waitingFor(), afterMs, ...last });
    });
    handle({ type: 'started', awaited: first.name });
    // a first look at /proc takes milliseconds: now, and not when the app is ready
    app.isAlive();
    if (readiness.extendTimeout !== undefined) {
      disposers.push(keepExtending(readiness.extendTimeout, clock, (byMs) => handle({ type: 'extension-due', byMs })));
    }
    // before the probes listen: what comes with the app's READY=1 is passed on ahead of it
    notices?.onNotice((notice) => handle({ type: 'app-notice', notice }));
    stop.onSignal(
      (signal, fate) => {
        handle({ type: 'signal', signal, fate, waitingFor: first.waitingFor(), afterMs: elapsed() });
        if (state.phase === 'reloading' && signal === state.signal) again.told();
      },
      (signal) => {
        if (asksToEnd(signal)) {
          handle({ type: 'stop-asked', signal });
          stopDiagnosing();
        }
        // of a moment before READY=1 systemd knows nothing
        if (!isRunning(state) || !systemd.isReload(signal)) return;
        handle({ type: 'reload', signal, monotonicUsec: systemd.monotonicUsec(), at: systemd.timeOfDay() });
      },
    );

    const { timeout } = readiness;
    if (timeout !== Number.POSITIVE_INFINITY) {
      const giveUp = async () => {
        // dead already: how it ended is on the way to us, and tells more
        if (!app.isAlive()) return;
        const waitingFor = first.waitingFor();
        // asked before the app is stopped, which has closed its sockets then
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
      // its death may be known to the kernel and not yet to us: never READY=1 for a dead app
      if (!app.isAlive()) return;
      handle({ type: 'ready', by, afterMs: elapsed() });
      if (readiness.isAll) handle({ type: 'dismissed' });
    }, onBug);
  });
}
