/** What the app tells systemd over the Node IPC channel: by sd-ready-wrap/client, or in sd_notify's own words. */
import type { AppNotice } from '../core/app-notice.ts';
import { clientNotice } from '../core/client-message.ts';
import { createHub } from '../core/hub.ts';
import { noticeOf } from '../core/ipc-notice.ts';
import type { AppNoticeSource, AppSigns } from '../core/ports.ts';

/** From now on. */
export function ipcNotices(app: AppSigns): AppNoticeSource {
  const hub = createHub<AppNotice>();
  app.onMessage((message) => {
    const notice = clientNotice(message) ?? noticeOf(message);
    if (notice) hub.tell(notice);
  });
  return { onNotice: hub.listen, drained: hub.drained };
}
