/** The types of the lifecycle of one start: states, events and effects. lifecycle.ts has the transitions. */
import type { ExitStatus } from '../base/exit-status.ts';
import type { LogLevel } from '../log/types.ts';
import type { AppNotice } from '../notify/parse.ts';
import type { NotifyState } from '../notify/state.ts';
import type { WatchdogMode } from '../options/config.ts';
import type { ForwardedSignal, SignalFate } from '../signals/signals.ts';
import type { WatchdogNews } from '../watchdog/watch.ts';

export type State =
  /** The app runs and is not ready yet. */
  | (Living & { readonly phase: 'starting' })
  /** READY=1 was sent. */
  | (Living & { readonly phase: 'ready' })
  /** Handoff: the app is ready, and becomes the manager's child before it is named as the main process. */
  | (Living & { readonly phase: 'orphaning'; readonly by: string; readonly afterMs: number })
  /** Handoff: READY=1 and MAINPID= were sent; the wrapper may exit once systemd has handled them. */
  | (Living & { readonly phase: 'leaving' })
  /** systemd sent its reload signal, and RELOADING=1 was sent. */
  | (Living & {
      readonly phase: 'reloading';
      readonly signal: ForwardedSignal;
      /** Time of day: `10:02:11`. */
      readonly reloadSince: string;
      /** The app has sent RELOADING=1 too. */
      readonly byApp?: true;
      /** The reload timeout is over. */
      readonly late?: true;
    })
  /** The app missed the start timeout and is being stopped. */
  | (Living & { readonly phase: 'timed-out' })
  /** --exit-when-ready: the app was ready and is being stopped. */
  | (Living & { readonly phase: 'dismissed' })
  | { readonly phase: 'ended' };

export interface Living {
  readonly pid: number;
  /** For the log: `the app`, or `npm` if npm starts it. */
  readonly name: string;
  /** Time of day of its start: `10:02:11`. */
  readonly since: string;
  /** The app's last STATUS=. The wrapper does not overwrite it while the app is healthy. */
  readonly appStatus?: string;
  /** The wrapper's STATUS= once the app is ready. */
  readonly readyText?: string;
  /** SIGTERM, or its replacement by --rewrite-signal. */
  readonly stopSignal: string;
  /** Undefined until a stop begins. */
  readonly stop?: Stop;
  /** The unit has no WatchdogSec=. The app's WATCHDOG...= is not relayed, because it would start systemd's watchdog. */
  readonly unwatched?: true;
  /** Undefined without a watchdog. */
  readonly watchdog?: Exclude<WatchdogMode, 'off'>;
  /** The reason while the app is unhealthy, if it became so before a stop. */
  readonly unhealthy?: string | undefined;
  /** The WATCHDOG_USEC= that the app has sent before READY=1. */
  readonly watchdogUsec?: string;
  /** Advice for the operator, for STATUS=; the log has each once, in a line of its own. */
  readonly advice?: readonly string[];
  /** --exit-when-ready. */
  readonly onlyReady?: true;
  /** --handoff. */
  readonly handoff?: true;
}

/** Exists from the first moment that a stop is known. */
export interface Stop {
  /** A received signal, the app itself (STOPPING=1), or the wrapper (a missed start timeout, --exit-when-ready). */
  readonly by: ForwardedSignal | 'app' | 'wrapper';
  /** The app knows of the stop. False while it is not decided whether to forward the signal. */
  readonly known: boolean;
  /** The wrapper has sent the stop signal or SIGTERM to the app or its process group. */
  readonly sent: boolean;
  /** The reason of a failed start, if the app was not ready before the stop. */
  readonly failure?: string;
}

export type LifeEvent =
  | { readonly type: 'started'; readonly awaited: string }
  /** The reason for waiting has changed. */
  | { readonly type: 'still-waiting'; readonly waitingFor: string }
  /** The app sent a notification. */
  | { readonly type: 'app-notice'; readonly notice: AppNotice }
  /** systemd's start timeout must be extended. */
  | { readonly type: 'extension-due'; readonly byMs: number }
  | { readonly type: 'ready'; readonly by: string; readonly afterMs: number }
  /** A stop signal has arrived. It is not decided yet whether to forward it; the app may die by it before that. */
  | { readonly type: 'stop-requested'; readonly signal: ForwardedSignal }
  /** Advice for the operator about a start that does not succeed. */
  | { readonly type: 'advice'; readonly texts: readonly string[] }
  /** The app is the manager's child now; `obstacle` is the reason if it is not. */
  | { readonly type: 'orphaned'; readonly obstacle: string | undefined }
  /** systemd has handled all notifications; `alive`: the app was still alive then. */
  | { readonly type: 'processed'; readonly alive: boolean }
  | { readonly type: 'start-timeout'; readonly afterMs: number; readonly waitingFor: string }
  /** --exit-when-ready: the app is ready. */
  | { readonly type: 'dismissed' }
  | { readonly type: 'stop-timeout'; readonly afterMs: number }
  /** systemd's reload signal arrived and is not forwarded yet; `monotonicUsec` and `at` are the current time. */
  | { readonly type: 'reload'; readonly signal: ForwardedSignal; readonly monotonicUsec: bigint; readonly at: string }
  | { readonly type: 'ready-again'; readonly by: string; readonly afterMs: number }
  | { readonly type: 'reload-timeout'; readonly afterMs: number; readonly waitingFor: string }
  | WatchdogNews
  /** It is decided whether to forward a received signal. */
  | {
      readonly type: 'signal';
      readonly signal: ForwardedSignal;
      readonly fate: SignalFate;
      readonly waitingFor: string;
      readonly afterMs: number;
    }
  /**
   * `left`: child processes of the app still run; `lastLine`: the last line on a watched stream; `isSuccess`: the
   * unit's SuccessExitStatus= lists a code above 128.
   */
  | {
      readonly type: 'exited';
      readonly status: ExitStatus;
      readonly waitingFor: string;
      readonly afterMs: number;
      readonly left?: boolean;
      readonly lastLine?: string | undefined;
      readonly isSuccess?: boolean;
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
  /** The start has failed: find advice for the operator. */
  | { readonly type: 'diagnose' }
  /** The wait for readiness is over: stop the probes and the start timer. */
  | { readonly type: 'stop-waiting' }
  | { readonly type: 'start-stop-timer' }
  /** Make the app the manager's own child. */
  | { readonly type: 'orphan' }
  /** Wait until systemd has handled all notifications. */
  | { readonly type: 'await-processing' }
  /** Start the watchdog; `sent`: the assignments for it that were sent with READY=1. */
  | { readonly type: 'watch'; readonly sent: NotifyState }
  /** Wait until the app is ready again; the reload signal is forwarded next. */
  | { readonly type: 'await-again' }
  | { readonly type: 'stop-awaiting-again' }
  /**
   * End the wrapper as the app ended, or with a code of its own, once the app's output is relayed. `log` reports the
   * app's end, after its last output. `asked`: the wrapper has sent the stop signal to the app or its process group.
   */
  | { readonly type: 'end'; readonly status: ExitStatus; readonly log: LogEffect; readonly asked: boolean };

export interface Transition {
  readonly state: State;
  readonly effects: readonly Effect[];
}
