/**
 * One start from the app's first moment to its death: feeds what happens to the pure lifecycle and carries out what it
 * says. The race of readiness with the app's death and with the start timeout is here, once for all probes.
 */
import { createAgain } from './core/again.ts';
import type { Clock, Disposer } from './core/clock.ts';
import type { ExitStatus } from './core/exit-status.ts';
import { type Effect, type LifeEvent, next, type State } from './core/lifecycle.ts';
import type { NotifyState } from './core/notify-state.ts';
import type { App, AppNoticeSource, Log, Notifier } from './core/ports.ts';
import type { Readiness } from './core/readiness.ts';
import { isRunning } from './core/reload.ts';
import type { ForwardedSignal, SignalFate } from './core/signals.ts';
import { followStatus } from './core/status.ts';
import type { Vitals } from './core/vitals.ts';
import { startWatch, type WatchdogMode } from './core/watchdog.ts';

export interface Supervised {
  readonly app: App;
  /** When the app was started, on `clock`. */
  readonly startedAt: number;
  /** The same by the host's clock, for people: `10:02:11`. */
  readonly since: string;
  /** That clock now. */
  readonly timeOfDay: () => string;
  /** CLOCK_MONOTONIC, µs. */
  readonly monotonicUsec: () => bigint;
  readonly readiness: Readiness;
  readonly notifier: Notifier;
  /** What the app itself tells systemd, where it is given a notify socket. */
  readonly notices?: AppNoticeSource | undefined;
  readonly log: Log;
  readonly clock: Clock;
  /** Tells of every signal as it comes, and then what becomes of it. */
  readonly onSignal: (
    listener: (signal: ForwardedSignal, fate: SignalFate) => void,
    onArrival: (signal: ForwardedSignal) => void,
  ) => void;
  /** Whether systemd sends that one for a reload, and waits for us to say so. */
  readonly isReload: (signal: ForwardedSignal) => boolean;
  /** The signs of readiness after a reload; `told` resolves when the app is told to. */
  readonly readyAgain: (told: Promise<void>) => Readiness;
  /** What stops this app: SIGTERM, or what that is rewritten to. */
  readonly stopSignal: string;
  /** Called once when the app is dead; resolves when what was started for it is gone. */
  readonly onExit?: () => Promise<void>;
  /** ms, from the start; `Infinity` is none. */
  readonly timeout: number;
  /** ms, from the SIGTERM after a missed start timeout to SIGKILL. */
  readonly stopTimeout: number;
  /** How much more time systemd is asked for while the app is not ready, ms. */
  readonly extendTimeout?: number | undefined;
  /** ms, from the signal for a reload; `Infinity` is none. */
  readonly reloadTimeout: number;
  /** Where systemd's watchdog waits for pings. */
  readonly watchdog?: Watchdog | undefined;
}

export interface Watchdog {
  readonly mode: Exclude<WatchdogMode, 'off'>;
  readonly intervalMs: number;
  readonly vitals: Vitals | 'own-pings';
}

/** @returns how the wrapper has to end, once the app is dead and its output passed on */
export function supervise(given: Supervised): Promise<ExitStatus> {
  const { app, startedAt, readiness, notifier, log, clock, timeout, stopTimeout } = given;
  const waiting = new AbortController();
  const disposers: Disposer[] = [() => waiting.abort()];
  let state: State = {
    ...{ phase: 'starting', pid: app.pid, since: given.since },
    ...(given.watchdog && { watchdog: given.watchdog.mode }),
  };

  return new Promise((resolve) => {
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
    const again = createAgain({
      ...{ readyAgain: given.readyAgain, timeout: given.reloadTimeout, clock, onBug },
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
          return;
        case 'start-stop-timer':
          disposers.push(clock.after(stopTimeout, () => handle({ type: 'stop-timeout', afterMs: stopTimeout })));
          return;
        case 'watch':
          if (given.watchdog) disposers.push(watch(given.watchdog, effect.said));
          return;
        case 'await-again':
          disposers.push(again.stop);
          return again.begin();
        case 'stop-awaiting-again':
          return again.stop();
        case 'kill': {
          const failure = app.kill(effect.signal);
          if (failure) log.write('error', 'kill', `cannot send ${effect.signal} to the app: ${failure}`);
          return;
        }
        case 'end':
          void Promise.all([app.drained(), given.onExit?.()]).then(async () => {
            carryOut(effect.log);
            await log.end();
            notifier.close();
            resolve(effect.status);
          });
      }
    };

    const watch = ({ intervalMs, vitals }: Watchdog, said: NotifyState): Disposer => {
      const watching = startWatch({ intervalMs, vitals, clock, tell: handleIfAlive });
      watching.hear(said);
      const stopHearing = given.notices?.onNotice(({ rest }) => watching.hear(rest));
      return () => {
        watching.stop();
        stopHearing?.();
      };
    };

    void app.exited.then(async (status) => {
      const afterMs = clock.now() - startedAt;
      // its last words to systemd may still be on their way: ERRNO= and STATUS= are said just before the end
      await given.notices?.drained();
      handle({ type: 'exited', status, waitingFor: readiness.waitingFor(), afterMs });
    });
    handle({ type: 'started', awaited: readiness.name });
    // a first look at /proc takes milliseconds: now, and not when the app is ready
    app.isAlive();
    if (given.extendTimeout !== undefined) {
      disposers.push(keepExtending(given.extendTimeout, clock, (byMs) => handle({ type: 'extension-due', byMs })));
    }
    // before the probes listen: what comes with the app's READY=1 is passed on ahead of it
    given.notices?.onNotice((notice) => handle({ type: 'app-notice', notice }));
    given.onSignal(
      (signal, fate) => {
        handle({ type: 'signal', signal, fate });
        if (state.phase === 'reloading' && signal === state.signal) again.told();
      },
      (signal) => {
        // of a moment before READY=1 systemd knows nothing
        if (!isRunning(state) || !given.isReload(signal)) return;
        handle({ type: 'reload', signal, monotonicUsec: given.monotonicUsec(), at: given.timeOfDay() });
      },
    );

    if (timeout !== Number.POSITIVE_INFINITY) {
      const left = Math.max(0, timeout - (clock.now() - startedAt));
      disposers.push(
        clock.after(left, () => {
          // dead already: how it ended is on the way to us, and tells more
          if (!app.isAlive()) return;
          const { stopSignal } = given;
          handle({ type: 'start-timeout', afterMs: timeout, waitingFor: readiness.waitingFor(), stopSignal });
        }),
      );
    }
    disposers.push(followStatus(readiness, clock, (waitingFor) => handle({ type: 'still-waiting', waitingFor })));
    readiness.wait(waiting.signal).then(
      // never READY=1 for a dead app
      (by) => handleIfAlive({ type: 'ready', by, afterMs: clock.now() - startedAt }),
      onBug,
    );
  });
}

/**
 * Now, and again before what was asked for is over: systemd moves the deadline to that long from when it hears it
 * (sd_notify(3), EXTEND_TIMEOUT_USEC=).
 */
function keepExtending(ms: number, clock: Clock, ask: (byMs: number) => void): Disposer {
  let cancel: Disposer = () => {};
  const askAgain = () => {
    ask(ms);
    cancel = clock.after(ms / 2, askAgain);
  };
  askAgain();
  return () => cancel();
}
