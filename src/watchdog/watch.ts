/**
 * systemd's watchdog (WatchdogSec= in systemd.service(5)): whether pings are requested, and when they are sent. systemd
 * acts after a whole interval without a ping, so one is sent every half interval (sd_watchdog_enabled(3)).
 */
import type { Clock, Disposer } from '../base/clock.ts';
import type { NotifyState } from '../notify/state.ts';
import type { WatchdogMode } from '../options/config.ts';
import type { Vitals } from './vitals.ts';

/** Failed checks in a row after which the app is unhealthy: those of one whole interval. */
const MISSED_MAX = 2;

/** Checks per interval while the app is unhealthy, so that a recovery is seen in time. */
const CHECKS_WHILE_UNHEALTHY = 10;

/** The shortest pause between two checks, ms: the shortest of Node's timers. */
const PAUSE_MIN = 1;

/** The app's own ping is late after this part of the interval: at its end systemd already acts. */
const LATE = 0.9;

/** UINT64_MAX, systemd's "infinity". */
const INFINITE_USEC = 2n ** 64n - 1n;

/** systemd's request to this process. */
export type WatchdogRequest = { readonly intervalMs: number } | { readonly problem: string };

/**
 * Reads WATCHDOG_USEC= and WATCHDOG_PID= as sd_watchdog_enabled(3) does: without a pid any process is meant.
 * @returns undefined if systemd requests no pings, or requests them from another process
 */
export function watchdogRequest(env: NodeJS.ProcessEnv, pid: number): WatchdogRequest | undefined {
  const { WATCHDOG_USEC: usec, WATCHDOG_PID: whom } = env;
  if (usec === undefined) return undefined;
  const intervalMs = parseUsec(usec);
  if (intervalMs === undefined || intervalMs === Number.POSITIVE_INFINITY) {
    return { problem: `WATCHDOG_USEC=${usec} is not a number of microseconds` };
  }
  if (whom !== undefined && !/^\d+$/.test(whom)) return { problem: `WATCHDOG_PID=${whom} is not a process` };
  return whom === undefined || Number(whom) === pid ? { intervalMs } : undefined;
}

/** @returns ms; `Infinity` for 0 and "infinity", which mean no watchdog; undefined if it is not a number */
function parseUsec(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const usec = BigInt(text);
  if (usec > INFINITE_USEC) return undefined;
  return usec === 0n || usec === INFINITE_USEC ? Number.POSITIVE_INFINITY : Number(usec) / 1000;
}

export type WatchdogNews =
  /** A ping is due. */
  | { readonly type: 'healthy' }
  /** No more pings. `forMs`: the time since it was last healthy. */
  | { readonly type: 'unhealthy'; readonly why: string; readonly forMs: number }
  | { readonly type: 'recovered' };

export interface Watchdog {
  readonly mode: Exclude<WatchdogMode, 'off'>;
  readonly intervalMs: number;
  /** `own-pings`: the app sends its own pings, and a late one is only reported. */
  readonly vitals: Vitals | 'own-pings';
}

export interface Watch {
  /** For each notification of the app: it may be a ping, or change the interval (WATCHDOG_USEC= in sd_notify(3)). */
  hear(state: NotifyState): void;
  stop(): void;
}

export interface Watched extends Omit<Watchdog, 'mode'> {
  readonly clock: Clock;
  readonly tell: (news: WatchdogNews) => void;
}

/** Watches from now on. The first ping was already sent, with READY=1. */
export function startWatch({ intervalMs, vitals, clock, tell }: Watched): Watch {
  const guard = vitals === 'own-pings' ? expectPings(clock, tell) : keepPinging(vitals, clock, tell);
  guard.begin(intervalMs);
  return {
    hear(state) {
      const usec = state.find((assignment) => assignment.startsWith('WATCHDOG_USEC='))?.slice('WATCHDOG_USEC='.length);
      const changed = usec === undefined ? undefined : parseUsec(usec);
      if (changed !== undefined) guard.begin(changed);
      if (state.includes('WATCHDOG=1')) guard.onPing();
    },
    stop: guard.stop,
  };
}

interface Guard {
  /** Starts again with that interval, ms. */
  begin(intervalMs: number): void;
  /** The app has sent a ping. */
  onPing(): void;
  stop(): void;
}

/**
 * Checks every half interval. One failed check is tolerated: on a busy machine a healthy app may be late, and systemd
 * acts only after a whole interval without a ping.
 */
function keepPinging(vitals: Vitals, clock: Clock, tell: (news: WatchdogNews) => void): Guard {
  let cancel: Disposer = () => {};
  const begin = (intervalMs: number) => {
    cancel();
    let missed = 0;
    let healthyAt = clock.now();
    let due = clock.now();
    const next = () => {
      const pause = Math.max(PAUSE_MIN, intervalMs / (missed < MISSED_MAX ? 2 : CHECKS_WHILE_UNHEALTHY));
      // by the schedule, so that delays do not add up; after a delay longer than the pause, from now: with two checks
      // at once the app, which was delayed like us, could not have run in between
      due = due + pause > clock.now() ? due + pause : clock.now() + pause;
      cancel = clock.after(due - clock.now(), check);
    };
    const check = () => {
      const why = vitals.check();
      const wasUnhealthy = missed >= MISSED_MAX;
      missed = why === undefined ? 0 : missed + 1;
      if (why === undefined) healthyAt = clock.now();
      if (wasUnhealthy && missed === 0) tell({ type: 'recovered' });
      if (missed < MISSED_MAX) tell({ type: 'healthy' });
      else if (missed === MISSED_MAX) tell({ type: 'unhealthy', why: why as string, forMs: clock.now() - healthyAt });
      next();
    };
    vitals.check();
    next();
  };
  return {
    begin,
    onPing() {},
    stop() {
      cancel();
      vitals.end();
    },
  };
}

/** Sends nothing, because the app's own pings are relayed. */
function expectPings(clock: Clock, tell: (news: WatchdogNews) => void): Guard {
  let cancel: Disposer = () => {};
  let late = 0;
  let isUnhealthy = false;
  const wait = () => {
    cancel();
    cancel = clock.after(late, () => {
      isUnhealthy = true;
      tell({ type: 'unhealthy', why: 'it sent no WATCHDOG=1', forMs: late });
    });
  };
  return {
    begin(intervalMs) {
      late = intervalMs * LATE;
      wait();
    },
    onPing() {
      if (isUnhealthy) tell({ type: 'recovered' });
      isUnhealthy = false;
      wait();
    },
    stop: () => cancel(),
  };
}
