/**
 * Delivers messages from a socket to listeners, in order, one per turn of the event loop: the effects of a message (the
 * app is ready) come before the next message, and all listeners of the start get the first. See also Receive in
 * transport.ts.
 */
import { now } from '../base/real-clock.ts';

export interface Delivery<T> {
  tell(message: T): void;
  /** The first listener also gets the earlier messages. */
  listen(listener: (message: T) => void): () => void;
  /** Resolves once all messages sent so far are delivered. */
  drained(): Promise<void>;
  close(): void;
}

/** Messages delivered without a delay, and messages per second beyond that: more than an app needs. */
const BURST = 2000;
const RATE = 200;

/** Messages in the queue; further ones are dropped. */
const WAITING_MAX = 3000;

/** @param merge merges two messages; undefined if each must be delivered. Used only for the queue of a flood */
export function createDelivery<T>(merge: (earlier: T, later: T) => T | undefined = () => undefined): Delivery<T> {
  const listeners = new Set<(message: T) => void>();
  const waiting: T[] = [];
  let hasListener = false;
  let arrived = 0;
  let isDue = false;
  let allowed = BURST;
  let filledAt = now();
  let isDraining = false;

  const deliver = () => {
    isDue = false;
    const message = waiting.shift();
    if (message === undefined) return;
    allowed -= 1;
    for (const listener of listeners) listener(message);
    schedule();
  };
  const schedule = () => {
    if (isDue || !hasListener || waiting.length === 0) return;
    isDue = true;
    const at = now();
    allowed = Math.min(BURST, allowed + ((at - filledAt) * RATE) / 1000);
    filledAt = at;
    if (allowed >= 1 || isDraining) setImmediate(deliver);
    else setTimeout(deliver, 1000 / RATE);
  };
  return {
    tell(message) {
      arrived += 1;
      const last = waiting.at(-1);
      const merged = last !== undefined && waiting.length >= allowed ? merge(last, message) : undefined;
      if (merged !== undefined) waiting[waiting.length - 1] = merged;
      else if (waiting.length < WAITING_MAX) waiting.push(message);
      schedule();
    },
    listen(listener) {
      listeners.add(listener);
      hasListener = true;
      schedule();
      return () => listeners.delete(listener);
    },
    async drained() {
      isDraining = true;
      const limit = arrived + DRAINED_AT_MOST;
      for (let quiet = 0; quiet < QUIET_TURNS && arrived < limit; ) {
        const before = arrived;
        await new Promise((resolve) => setImmediate(resolve));
        quiet = arrived === before && (waiting.length === 0 || !hasListener) ? quiet + 1 : 0;
      }
    },
    close: () => listeners.clear(),
  };
}

/** After so many turns of the event loop without a datagram the socket is empty: each turn polls it. */
const QUIET_TURNS = 3;

/** More than the socket's queue holds (net.unix.max_dgram_qlen): further datagrams are not from the dead app. */
const DRAINED_AT_MOST = 1000;
