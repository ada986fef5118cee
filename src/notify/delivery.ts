/** From a socket to whoever listens, in order and each in a turn of its own. */

export interface Delivery<T> {
  tell(message: T): void;
  /** The first listener hears what came before it too. */
  listen(listener: (message: T) => void): () => void;
  /** Resolves once what was sent so far has been told. */
  drained(): Promise<void>;
  close(): void;
}

/**
 * Tells every listener everything, in order, from the first datagram on. Each in a turn of its own: what follows from
 * one (the app is ready) is done before the next is told, and all who listen from the start are there for the first.
 * And see Receive in transport.ts.
 */
export function createDelivery<T>(): Delivery<T> {
  const listeners = new Set<(message: T) => void>();
  let early: T[] | undefined = [];
  let arrived = 0;
  let pending = 0;
  const deliver = (message: T) => {
    pending -= 1;
    for (const listener of listeners) listener(message);
  };
  return {
    tell(message: T): void {
      arrived += 1;
      pending += 1;
      if (early) early.push(message);
      else setImmediate(deliver, message);
    },
    listen(listener: (message: T) => void) {
      listeners.add(listener);
      for (const message of early ?? []) setImmediate(deliver, message);
      early = undefined;
      return () => listeners.delete(listener);
    },
    async drained(): Promise<void> {
      const limit = arrived + DRAINED_AT_MOST;
      for (let quiet = 0; quiet < QUIET_TURNS && arrived < limit; ) {
        const before = arrived;
        await new Promise((resolve) => setImmediate(resolve));
        quiet = arrived === before && pending === 0 ? quiet + 1 : 0;
      }
    },
    close: () => listeners.clear(),
  };
}

/** Turns of the event loop without a datagram after which the socket is known to be empty: each turn polls it. */
const QUIET_TURNS = 3;

/** More than the socket's queue holds (net.unix.max_dgram_qlen): what comes beyond is from others than the dead app. */
const DRAINED_AT_MOST = 1000;
