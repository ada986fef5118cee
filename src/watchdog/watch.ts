/**
 * systemd's watchdog (WatchdogSec= in systemd.service(5)): who asks for pings, and when they are sent or withheld.
 * systemd acts once it has heard none for the whole interval, so one is sent every half of it (sd_watchdog_enabled(3)).
 */
import type { Clock, Disposer } from '../base/clock.ts';
import type { NotifyState } from '../notify/state.ts';
import type { WatchdogMode } from '../options/config.ts';
import type { Vitals } from './vitals.ts';

/** Looks in a row that saw no life, after which the app is taken to be sick: those of one whole interval. */
const MISSED_MAX = 2;

/** While the app is sick it is looked at so many times in an interval, so that a late sign of life is not too late. */
const LOOKS_WHILE_SICK = 10;

/** Between two looks, ms: shorter than that a timer of Node is not. */
const LOOK_LEAST = 1;

/** An app that pings by itself is late after this part of the interval: its end is systemd's, who acts on it. */
const LATE = 0.9;

/** UINT64_MAX, systemd's "infinity". */
const INFINITE_USEC = 2n ** 64n - 1n;

/** What systemd asks of this process; undefined where it asks nothing, or somebody else. */
export type WatchdogRequest = { readonly intervalMs: number } | { readonly problem: string };

/** Reads WATCHDOG_USEC= and WATCHDOG_PID= as sd_watchdog_enabled(3) does: no pid is for anybody. */
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

/**
 * @returns ms; `Infinity` for 0 and for "infinity", with which there is no watchdog; undefined for what is no number
 */
function parseUsec(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const usec = BigInt(text);
  if (usec > INFINITE_USEC) return undefined;
  return usec === 0n || usec === INFINITE_USEC ? Number.POSITIVE_INFINITY : Number(usec) / 1000;
}

export type WatchdogNews =
  /** A ping is due. */
  | { readonly type: 'healthy' }
  /** No more pings. `forMs`: since its last sign of life. */
  | { readonly type: 'unhealthy'; readonly why: string; readonly forMs: number }
  | { readonly type: 'recovered' };

/** What is watched, how, and how often systemd wants to hear of it. */
export interface Watchdog {
  readonly mode: Exclude<WatchdogMode, 'off'>;
  readonly intervalMs: number;
  /** `own-pings`: the app sends them itself, and is only watched for a late one. */
  readonly vitals: Vitals | 'own-pings';
}

export interface Watch {
  /** What the app said to systemd: its own ping, or another interval (sd_notify(3), WATCHDOG_USEC=). */
  hear(said: NotifyState): void;
  stop(): void;
}

export interface Watched extends Omit<Watchdog, 'mode'> {
  readonly clock: Clock;
  readonly tell: (news: WatchdogNews) => void;
}

/** Watches from now on. A first ping was sent, with READY=1. */
export function startWatch({ intervalMs, vitals, clock, tell }: Watched): Watch {
  const guard = vitals === 'own-pings' ? expectPings(clock, tell) : keepPinging(vitals, clock, tell);
  guard.begin(intervalMs);
  return {
    hear(said) {
      const usec = said.find((assignment) => assignment.startsWith('WATCHDOG_USEC='))?.slice('WATCHDOG_USEC='.length);
      const changed = usec === undefined ? undefined : parseUsec(usec);
      if (changed !== undefined) guard.begin(changed);
      if (said.includes('WATCHDOG=1')) guard.heard();
    },
    stop: guard.stop,
  };
}

interface Guard {
  /** Starts anew, with that interval, ms. */
  begin(intervalMs: number): void;
  /** The app has sent a ping. */
  heard(): void;
  stop(): void;
}

/**
 * A look each half interval. One that sees no life is not the end: on a busy machine a healthy app may be late, and
 * systemd hears of it only when all of an interval has passed without any.
 */
function keepPinging(vitals: Vitals, clock: Clock, tell: (news: WatchdogNews) => void): Guard {
  let cancel: Disposer = () => {};
  const begin = (intervalMs: number) => {
    cancel();
    let missed = 0;
    let wellAt = clock.now();
    let due = clock.now();
    const next = () => {
      const pause = Math.max(LOOK_LEAST, intervalMs / (missed < MISSED_MAX ? 2 : LOOKS_WHILE_SICK));
      // by the schedule, so that delays do not add up; after one that is longer than that, by the clock: two looks at
      // once would see an app that was as little let run as we
      due = due + pause > clock.now() ? due + pause : clock.now() + pause;
      cancel = clock.after(due - clock.now(), look);
    };
    const look = () => {
      const why = vitals.look();
      const wasSick = missed >= MISSED_MAX;
      missed = why === undefined ? 0 : missed + 1;
      if (why === undefined) wellAt = clock.now();
      if (wasSick && missed === 0) tell({ type: 'recovered' });
      if (missed < MISSED_MAX) tell({ type: 'healthy' });
      else if (missed === MISSED_MAX) tell({ type: 'unhealthy', why: why as string, forMs: clock.now() - wellAt });
      next();
    };
    vitals.look();
    next();
  };
  return {
    begin,
    heard() {},
    stop() {
      cancel();
      vitals.end();
    },
  };
}

/** Nothing is sent: systemd gets the app's own pings, each as it comes. */
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
    heard() {
      if (isUnhealthy) tell({ type: 'recovered' });
      isUnhealthy = false;
      wait();
    },
    stop: () => cancel(),
  };
}
