/**
 * Decides when to connect to the app. Checking the kernel's count of sockets is cheap, so it happens several times per
 * interval. If the count changed, the probe connects at once; if not, the last refusal stays valid for a while.
 */
import type { Clock } from '../../base/clock.ts';
import type { TcpTable } from '../../sockets/rows.ts';
import { checkInterval, type PollTiming, SHARE } from '../poll.ts';
import { type SocketsInUse, unchangedTables } from './tcp-sockets.ts';

/**
 * How long a refusal is valid while the count does not change, ms. Not for ever: the count misses a socket that opened
 * while another closed, and a port that is forwarded from elsewhere (a container).
 */
export const BELIEVED = 500;

/** The longest rest after a slow check, ms: with 50,000 descriptors one takes 0.3 s, and several are needed. */
const REST_MAX = 1000;

/** Node's timers may fire this much early, ms: the check then happens now, and not an interval later. */
const EARLY = 1;

export interface NewSocketGate {
  /** How long to wait before the next check, ms: less while the count alone decides. */
  nextInterval(): number;
  /** @returns undefined if a connect now would show nothing new; else the caller connects and calls `done` */
  check(): Check | undefined;
}

export interface Check {
  /** Tables without a new socket since the last connect. */
  readonly unchanged: readonly TcpTable[];
  /**
   * @param settled whether only a new socket can change the result
   * @param spent how long the check took, ms
   */
  done(settled: boolean, spent: number): void;
}

/**
 * @param timing `interval`, which may change, is the least time between two connects while sockets come and go
 * @param socketsInUse undefined if the count says nothing: then each interval has a connect
 */
export function newSocketGate(
  timing: Pick<PollTiming, 'interval'>,
  clock: Clock,
  socketsInUse: (() => SocketsInUse | undefined) | undefined,
): NewSocketGate {
  /** The counts at the last connect, if only a new socket can change its result. */
  let settledAt: SocketsInUse | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  // the last connect after a change of the counts: only such connects keep `interval` between them
  let unsureAt = Number.NEGATIVE_INFINITY;
  let restUntil = Number.NEGATIVE_INFINITY;
  return {
    nextInterval: () => (settledAt ? checkInterval(timing.interval) : timing.interval),
    check() {
      const inUse = socketsInUse?.();
      const unchanged = unchangedTables(inUse, settledAt);
      const calm = unchanged.length === 2;
      const { interval } = timing;
      const earliest = calm ? askedAt + Math.max(interval, BELIEVED) : unsureAt + interval;
      const now = clock.now();
      if (now + EARLY < Math.max(earliest, restUntil)) return undefined;
      settledAt = undefined;
      askedAt = now;
      if (!calm) unsureAt = now;
      return {
        unchanged,
        done(settled, spent) {
          restUntil = now + Math.min(spent * SHARE, REST_MAX);
          if (settled) settledAt = inUse;
        },
      };
    },
  };
}
