/**
 * The words for the life of one start: what state it is in, what happens, what is to be done. lifecycle.ts leads from
 * one to the other.
 */
import type { ExitStatus } from '../base/exit-status.ts';
import type { LogLevel } from '../log/types.ts';
import type { AppNotice } from '../notify/parse.ts';
import type { NotifyState } from '../notify/state.ts';
import type { WatchdogMode } from '../options/config.ts';
import type { ForwardedSignal, SignalFate } from '../signals/signals.ts';
import type { WatchdogNews } from '../watchdog/watch.ts';

export type State =
  /** The app runs, its readiness is awaited. */
  | (Living & { readonly phase: 'starting' })
  /** READY=1 was said. */
  | (Living & { readonly phase: 'ready' })
  /** It is ready, and made the manager's own child before it is named as the main process. */
  | (Living & { readonly phase: 'orphaning'; readonly by: string; readonly afterMs: number })
  /** READY=1 was said, the app named as the main process, and systemd has to hear of it before we may end. */
  | (Living & { readonly phase: 'leaving' })
  /** RELOADING=1 was said, as systemd sent the signal for it. */
  | (Living & {
      readonly phase: 'reloading';
      readonly signal: ForwardedSignal;
      /** By the host's clock. */
      readonly reloadSince: string;
      /** The app has said RELOADING=1 too. */
      readonly byApp?: true;
      /** Its limit is over. */
      readonly late?: true;
    })
  /** It was not ready in time and is being stopped. */
  | (Living & { readonly phase: 'timed-out' })
  /** It was ready, which was all that was asked, and is being stopped. */
  | (Living & { readonly phase: 'dismissed' })
  | { readonly phase: 'ended' };

export interface Living {
  readonly pid: number;
  /** When it was started, by the host's clock: `10:02:11`. */
  readonly since: string;
  /** The last STATUS= that the app has told itself, which ours does not write over while all is well. */
  readonly appStatus?: string;
  /** What ours says once the app is ready. */
  readonly readyText?: string;
  /** What stops this app: SIGTERM, or what that is rewritten to. */
  readonly stopSignal: string;
  /** The app is to end. Undefined as long as that is not so. */
  readonly stop?: Stop;
  /** Who is watched for systemd's watchdog; not there where nobody is. */
  readonly watchdog?: Exclude<WatchdogMode, 'off'>;
  /** The WATCHDOG_USEC= that the app has told before READY=1. */
  readonly watchdogUsec?: string;
  /** What the operator can do about it, for STATUS=; in the log each has a line of its own, once. */
  readonly advice?: readonly string[];
  /** That it becomes ready is all that is asked of it. */
  readonly onlyReady?: true;
  /** The app is to become the main process once it is ready. */
  readonly handoff?: true;
}

/** That the app is to end, from the first moment that this is known. */
export interface Stop {
  /** A signal that came for us, the app itself (STOPPING=1), or the wrapper (a missed start timeout, a dry run). */
  readonly by: ForwardedSignal | 'app' | 'wrapper';
  /** The app knows. A signal that has just come may yet be kept from it. */
  readonly known: boolean;
  /** The app, or all of its process group, was sent its stop signal or SIGTERM by us. */
  readonly sent: boolean;
  /** Why the start comes to nothing, if the app was not ready by then. */
  readonly failure?: string;
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
  /** A signal that asks to end has come. What becomes of it is not known yet, and the app may end by it before. */
  | { readonly type: 'stop-asked'; readonly signal: ForwardedSignal }
  /** What the operator can do about a start that does not succeed. */
  | { readonly type: 'advice'; readonly texts: readonly string[] }
  /** The app is nobody's but the manager's child now; `obstacle` is why not, if it is not. */
  | { readonly type: 'orphaned'; readonly obstacle: string | undefined }
  /** systemd has dealt with what it was told; `alive` is whether the app still was then. */
  | { readonly type: 'heard'; readonly alive: boolean }
  | { readonly type: 'start-timeout'; readonly afterMs: number; readonly waitingFor: string }
  /** The app is ready, and no more is wanted of it. */
  | { readonly type: 'dismissed' }
  | { readonly type: 'stop-timeout'; readonly afterMs: number }
  /** systemd's signal for a reload came, of which the app is not told yet; `monotonicUsec` is now, `at` too. */
  | { readonly type: 'reload'; readonly signal: ForwardedSignal; readonly monotonicUsec: bigint; readonly at: string }
  | { readonly type: 'ready-again'; readonly by: string; readonly afterMs: number }
  | { readonly type: 'reload-timeout'; readonly afterMs: number; readonly waitingFor: string }
  | WatchdogNews
  /** One came for us, and it is known what becomes of it. */
  | {
      readonly type: 'signal';
      readonly signal: ForwardedSignal;
      readonly fate: SignalFate;
      readonly waitingFor: string;
      readonly afterMs: number;
    }
  | { readonly type: 'exited'; readonly status: ExitStatus; readonly waitingFor: string; readonly afterMs: number };

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
  /** A start comes to nothing: find out what the operator can do about it. */
  | { readonly type: 'diagnose' }
  /** The wait for readiness is over: stop the probes and the start timer. */
  | { readonly type: 'stop-waiting' }
  | { readonly type: 'start-stop-timer' }
  /** Make the app the manager's own child. */
  | { readonly type: 'orphan' }
  /** See to it that systemd has heard all that it was told. */
  | { readonly type: 'await-hearing' }
  /** Watch the app for systemd's watchdog, from now on; `said` is what it has said about that itself. */
  | { readonly type: 'watch'; readonly said: NotifyState }
  /** Wait until the app, which is about to be told to reload, is ready again. */
  | { readonly type: 'await-again' }
  | { readonly type: 'stop-awaiting-again' }
  /**
   * The wrapper ends as the app did, or with a code of its own. Once the app's last words are passed on: `log` says how
   * it ended, and stands behind them. `asked`: it was sent its stop signal by us, and so was its process group.
   */
  | { readonly type: 'end'; readonly status: ExitStatus; readonly log: LogEffect; readonly asked: boolean };

export interface Transition {
  readonly state: State;
  readonly effects: readonly Effect[];
}
