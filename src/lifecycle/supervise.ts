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
import type { Readiness } from '../probes/readiness.ts';
import { asksToEnd, type ForwardedSignal, type SignalFate } from '../signals/signals.ts';
import { untilItEnds } from '../watchdog/vitals.ts';
import { startWatch, type Watchdog } from '../watchdog/watch.ts';
import { followStatus } from './follow-status.ts';
import { next } from './lifecycle.ts';
import { isRunning } from './reload.ts';
import { createAgain } from './wait-again.ts';
import { keepDiagnosing, keepExtending } from './while-starting.ts';
import type { Effect, LifeEvent, State } from './words.ts';

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
  /** The app is to become the main process once it is ready, and the wrapper leaves. */
  readonly handoff?: boolean;
  /** Resolves when systemd has dealt with what it was sent, and what it had sent us before was told. */
  readonly heard?: () => Promise<void>;
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
  /**
   * Called once when the app is dead; resolves when what was started for it is gone. `asked` is whether it was told to
   * end.
   */
  readonly onExit?: (asked: boolean) => Promise<void>;
  /** ms, from the start; `Infinity` is none. */
  readonly timeout: number;
  /** ms, from the SIGTERM of ours, after a missed start timeout, say, to SIGKILL. */
  readonly stopTimeout: number;
  /** What the operator can do about an app that is not ready. */
  readonly diagnose?: ((moment: Moment) => Promise<readonly string[]>) | undefined;
  /** Whether the app is stopped as soon as it is ready. */
  readonly exitWhenReady?: boolean;
  /** How much more time systemd is asked for while the app is not ready, ms. */
  readonly extendTimeout?: number | undefined;
  /** ms, from the signal for a reload; `Infinity` is none. */
  readonly reloadTimeout: number;
  /** Where systemd's watchdog waits for pings. */
  readonly watchdog?: Watchdog | undefined;
}

/** @returns how the wrapper has to end, once the app is dead and its output passed on */
export function supervise(given: Supervised): Promise<ExitStatus> {
  const { app, startedAt, readiness, notifier, log, clock, timeout, stopTimeout } = given;
  const waiting = new AbortController();
  const disposers: Disposer[] = [() => waiting.abort()];
  let state: State = {
    ...{ phase: 'starting', pid: app.pid, since: given.since },
    ...(given.handoff && { handoff: true }),
    ...(given.watchdog && { watchdog: given.watchdog.mode }),
    ...(given.exitWhenReady && { onlyReady: true }),
  };

  /** The app was told to end, and all of its process group where that is what gets our signals. */
  let asked = false;

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
          return again.stop();
        case 'start-stop-timer':
          disposers.push(clock.after(stopTimeout, () => handle({ type: 'stop-timeout', afterMs: stopTimeout })));
          return;
        case 'orphan':
          void app.orphan().then((obstacle) => {
            // READY=1 is never said for a dead app: its end is on the way to us
            if (app.isAlive()) handle({ type: 'orphaned', obstacle });
          });
          return;
        case 'await-hearing':
          void notifier
            .sent()
            .then(() => given.heard?.())
            .then(() => handle({ type: 'heard', alive: app.isAlive() }));
          return;
        case 'watch':
          if (given.watchdog) disposers.push(watch(given.watchdog, effect.said));
          return;
        case 'await-again':
          return again.begin();
        case 'stop-awaiting-again':
          return again.stop();
        case 'kill': {
          // a shell's background jobs ignore SIGINT
          asked ||= effect.signal === given.stopSignal || effect.signal === 'SIGTERM';
          const failure = app.kill(effect.signal);
          if (failure) log.write('error', 'kill', `cannot send ${effect.signal} to the app: ${failure}`);
          return;
        }
        case 'end':
          void Promise.all([app.drained(), given.onExit?.(asked)]).then(async () => {
            carryOut(effect.log);
            await log.end();
            notifier.close();
            resolve(effect.status);
          });
      }
    };

    /** A signal that asks to end has come: the app may have had it, and end by it, before we know. */
    let stopping = false;
    /** Of an app that was not asked to stop yet. */
    let stopDiagnosing: Disposer = () => {};
    /** Under way since somebody asked us to stop. */
    let diagnosing: Promise<void> | undefined;
    /** What can be done about it, once that is known: at once where nobody can tell. */
    const diagnosed = (moment: Moment, then: (texts: readonly string[]) => void) => {
      if (given.diagnose && state.phase === 'starting') void given.diagnose(moment).then(then);
      else then([]);
    };
    const advise = (texts: readonly string[]) => handle({ type: 'advice', texts });

    const watch = ({ mode, intervalMs, vitals }: Watchdog, said: NotifyState): Disposer => {
      const isEnding = () => 'stopping' in state && state.stopping === true;
      const mine = mode === 'probe' && vitals !== 'own-pings' ? untilItEnds(vitals, isEnding) : vitals;
      const watching = startWatch({ intervalMs, vitals: mine, clock, tell: handleIfAlive });
      watching.hear(said);
      const stopHearing = given.notices?.onNotice(({ rest }) => {
        if (mode !== 'loop') watching.hear(rest);
      });
      return () => {
        watching.stop();
        stopHearing?.();
      };
    };

    void app.exited.then(async (status) => {
      const afterMs = clock.now() - startedAt;
      // its last words to systemd may still be on their way: ERRNO= and STATUS= are said just before the end
      await given.notices?.drained();
      if (given.diagnose && state.phase === 'starting') await (diagnosing ?? given.diagnose('died').then(advise));
      handle({ type: 'exited', status, waitingFor: readiness.waitingFor(), afterMs, stopping });
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
        if (state.phase !== 'starting' || state.failure || fate.fate === 'withheld') return;
        if (!asksToEnd(signal)) return;
        handle({ type: 'stop-asked', signal, waitingFor: readiness.waitingFor(), afterMs: clock.now() - startedAt });
        diagnosing = given.diagnose?.('stopped').then(advise);
      },
      (signal) => {
        if (asksToEnd(signal)) {
          stopping = true;
          stopDiagnosing();
        }
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
          const waitingFor = readiness.waitingFor();
          // asked before the app is stopped, which has closed its sockets then
          diagnosed('timeout', (texts) => {
            if (state.phase !== 'starting') return;
            handle({ type: 'start-timeout', afterMs: timeout, waitingFor, stopSignal });
            advise(texts);
          });
        }),
      );
    }
    if (given.diagnose) {
      stopDiagnosing = keepDiagnosing(given.diagnose, clock, (texts) => {
        advise(texts);
        handle({ type: 'still-waiting', waitingFor: readiness.waitingFor() });
      });
      disposers.push(stopDiagnosing);
    }
    disposers.push(followStatus(readiness, clock, (waitingFor) => handle({ type: 'still-waiting', waitingFor })));
    readiness.wait(waiting.signal).then((by) => {
      // its death may be known to the kernel and not yet to us: never READY=1 for a dead app
      if (!app.isAlive()) return;
      handle({ type: 'ready', by, afterMs: clock.now() - startedAt });
      if (given.exitWhenReady) handle({ type: 'dismissed', stopSignal: given.stopSignal });
    }, onBug);
  });
}
