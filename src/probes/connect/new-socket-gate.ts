/**
 * When to ask the app over TCP. A look whether any socket was added costs little, so there are several to an interval,
 * and the question follows at once where one was. Where none was, "not yet" is believed for a while.
 */
import type { Clock } from '../../base/clock.ts';
import type { TcpTable } from '../../sockets/rows.ts';
import { lookInterval, type PollTiming } from '../poll.ts';
import { type SocketsInUse, unchangedTables } from './tcp-sockets.ts';

/**
 * So long is a refusal believed while no socket was added, ms. Not for ever: a socket that was added while another went
 * is not seen, nor one that is forwarded from elsewhere (a container).
 */
export const BELIEVED = 500;

/** A question may take one part in so many of the time: the next waits so many times as long as the last one took. */
const SHARE = 20;

/** The most that it waits so, ms: of an app with 50,000 descriptors a look takes 0.3 s, and several are needed. */
const REST_MAX = 1000;

/** A timer of Node may come so much early, ms: then it is now, and not an interval later. */
const EARLY = 1;

export interface NewSocketGate {
  /** How long to wait before the next look, ms: less while a look is enough. */
  nextInterval(): number;
  /** @returns undefined where asking now would tell nothing new; else `done` has to be called once it was asked */
  look(): Asking | undefined;
}

export interface Asking {
  /** Tables that hold no new socket since the last question. */
  readonly unchanged: readonly TcpTable[];
  /**
   * @param settled whether nothing but a new socket can change the answer
   * @param spent how long the processor was busy with the question, ms
   */
  done(settled: boolean, spent: number): void;
}

/**
 * @param timing its `interval`, which may change, is between two questions where sockets come and go all the time
 * @param socketsInUse undefined where their number says nothing: then there is a question each interval
 */
export function newSocketGate(
  timing: Pick<PollTiming, 'interval'>,
  clock: Clock,
  socketsInUse: (() => SocketsInUse | undefined) | undefined,
): NewSocketGate {
  /** The counts at the last question, if only a new socket can change the answer. */
  let settledAt: SocketsInUse | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  // the last question that was asked for more than to be sure: only those wait for each other
  let unsureAt = Number.NEGATIVE_INFINITY;
  let restUntil = Number.NEGATIVE_INFINITY;
  return {
    nextInterval: () => (settledAt ? lookInterval(timing.interval) : timing.interval),
    look() {
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
