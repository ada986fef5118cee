/**
 * From a socket to whoever listens: in order, and each in a turn of its own. What follows from one (the app is ready)
 * is done before the next is told, and all who listen from the start are there for the first. And see Receive in
 * transport.ts.
 */
import { now } from '../base/real-clock.ts';

export interface Delivery<T> {
  tell(message: T): void;
  /** The first listener hears what came before it too. */
  listen(listener: (message: T) => void): () => void;
  /** Resolves once what was sent so far has been told. */
  drained(): Promise<void>;
  close(): void;
}

/** Messages that may be told at once, and how many more in a second: more than an app has to say to systemd. */
const BURST = 2000;
const RATE = 200;

/** The most that wait. */
const WAITING_MAX = 3000;

/**
 * @param merge makes one of two messages, where that says the same to a listener; undefined where each has to be told.
 * Only what waits is merged: at an ordinary pace each is told by itself
 */
export function createDelivery<T>(merge: (earlier: T, later: T) => T | undefined = () => undefined): Delivery<T> {
  const listeners = new Set<(message: T) => void>();
  const waiting: T[] = [];
  let isHeard = false;
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
    if (isDue || !isHeard || waiting.length === 0) return;
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
      isHeard = true;
      schedule();
      return () => listeners.delete(listener);
    },
    async drained() {
      isDraining = true;
      const limit = arrived + DRAINED_AT_MOST;
      for (let quiet = 0; quiet < QUIET_TURNS && arrived < limit; ) {
        const before = arrived;
        await new Promise((resolve) => setImmediate(resolve));
        quiet = arrived === before && (waiting.length === 0 || !isHeard) ? quiet + 1 : 0;
      }
    },
    close: () => listeners.clear(),
  };
}

/** Turns of the event loop without a datagram after which the socket is known to be empty: each turn polls it. */
const QUIET_TURNS = 3;

/** More than the socket's queue holds (net.unix.max_dgram_qlen): what comes beyond is from others than the dead app. */
const DRAINED_AT_MOST = 1000;
