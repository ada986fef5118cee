/** Tells of the app's sd_notify messages, whichever way they come. */
import type { AppNotice } from './app-notice.ts';
import type { Disposer } from './clock.ts';
import type { AppNoticeSource } from './ports.ts';

/** Turns of the event loop without a message after which there is known to be none: each turn polls for it. */
const QUIET_TURNS = 3;

/** More than the queue of a socket holds (net.unix.max_dgram_qlen): what comes beyond is from others than the dead app. */
const DRAINED_AT_MOST = 1000;

export interface NoticeHub extends AppNoticeSource {
  tell(notice: AppNotice): void;
  close(): void;
}

/**
 * Tells every listener everything, in order, from the first message on. Each in a turn of its own: what follows from one
 * (the app is ready) is done before the next is told, and all who listen from the start are there for the first. And a
 * receiver may tell from outside of any JavaScript (`Receive` in systemd/transport.ts).
 */
export function createHub(): NoticeHub {
  const listeners = new Set<(notice: AppNotice) => void>();
  let early: AppNotice[] | undefined = [];
  let arrived = 0;
  let pending = 0;
  const deliver = (notice: AppNotice) => {
    pending -= 1;
    for (const listener of listeners) listener(notice);
  };
  return {
    tell(notice: AppNotice): void {
      arrived += 1;
      pending += 1;
      if (early) early.push(notice);
      else setImmediate(deliver, notice);
    },
    onNotice(listener): Disposer {
      listeners.add(listener);
      for (const notice of early ?? []) setImmediate(deliver, notice);
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

/** Several as one; undefined for none. */
export function mergeNotices(sources: readonly AppNoticeSource[]): AppNoticeSource | undefined {
  if (sources.length < 2) return sources[0];
  return {
    onNotice(listener) {
      const disposers = sources.map((source) => source.onNotice(listener));
      return () => {
        for (const dispose of disposers) dispose();
      };
    },
    async drained() {
      await Promise.all(sources.map((source) => source.drained()));
    },
  };
}
