/** What the app tells systemd, by whichever way it has to us. */
import type { Disposer } from '../core/clock.ts';
import { noticeOf } from '../core/ipc-notice.ts';
import type { AppNoticeSource, AppSigns } from '../core/ports.ts';

/**
 * @param socket its notify socket
 * @param channel where it has an IPC channel
 */
export function noticesOf(
  socket?: AppNoticeSource,
  channel?: Pick<AppSigns, 'onMessage'>,
): AppNoticeSource | undefined {
  if (!channel) return socket;
  return {
    onNotice(listener) {
      const disposers: (Disposer | undefined)[] = [
        socket?.onNotice(listener),
        channel.onMessage((message) => {
          const notice = noticeOf(message);
          if (notice) listener(notice);
        }),
      ];
      return () => {
        for (const dispose of disposers) dispose?.();
      };
    },
    async drained() {
      await socket?.drained();
    },
  };
}
