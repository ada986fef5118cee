import type { AppNoticeSource } from './types.ts';

/** Merges the sources of the app's notifications (socket, IPC) into one; undefined for none. */
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
