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
  | (Living & { readonly phase: 'timed-out'; readonly failure: string })
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
  /** It was asked to end, or has said that it does: then what is not well may well be so. */
  readonly stopping?: true;
  /** Who is watched for systemd's watchdog; not there where nobody is. */
  readonly watchdog?: Exclude<WatchdogMode, 'off'>;
  /** The WATCHDOG_USEC= that the app has told before READY=1. */
  readonly watchdogUsec?: string;
  /** Why the start comes to nothing, where somebody asked us to stop before it was ready, or it was too late. */
  readonly failure?: string;
  /** What the operator can do about it, for STATUS=; in the log each has a line of its own, once. */
  readonly advice?: readonly string[];
  /** That it becomes ready is all that is asked of it. */
  readonly onlyReady?: true;
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
  /** systemd's signal for a reload came, of which the app is not told yet; `monotonicUsec` is now, `at` too. */
  | { readonly type: 'reload'; readonly signal: ForwardedSignal; readonly monotonicUsec: bigint; readonly at: string }
  | { readonly type: 'ready-again'; readonly by: string; readonly afterMs: number }
  | { readonly type: 'reload-timeout'; readonly afterMs: number; readonly waitingFor: string }
  | WatchdogNews
  /** One came for us. */
  | { readonly type: 'signal'; readonly signal: ForwardedSignal; readonly fate: SignalFate }
  /** `stopping`: a signal that asks to end has come, if it is not known yet what became of it. */
  | {
      readonly type: 'exited';
      readonly status: ExitStatus;
      readonly waitingFor: string;
      readonly afterMs: number;
      readonly stopping?: boolean;
    };

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
  /** Watch the app for systemd's watchdog, from now on; `said` is what it has said about that itself. */
  | { readonly type: 'watch'; readonly said: NotifyState }
  /** Wait until the app, which is about to be told to reload, is ready again. */
  | { readonly type: 'await-again' }
  | { readonly type: 'stop-awaiting-again' }
  /**
   * The wrapper ends as the app did, or with a code of its own. Once the app's last words are passed on: `log` says how
   * it ended, and stands behind them.
   */
  | { readonly type: 'end'; readonly status: ExitStatus; readonly log: LogEffect };

export interface Transition {
  readonly state: State;
  readonly effects: readonly Effect[];
}
