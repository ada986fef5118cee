/** What the app tells systemd over the Node IPC channel: by sd-ready-wrap/client, or in sd_notify's own words. */
import { clientNotice } from '../notify/client-message.ts';
import { createDelivery } from '../notify/delivery.ts';
import { noticeOf } from '../notify/ipc-message.ts';
import type { AppNotice } from '../notify/parse.ts';
import type { AppNoticeSource } from '../notify/types.ts';
import type { AppSigns } from './types.ts';

/** From now on. */
export function ipcNotices(app: AppSigns): AppNoticeSource {
  const delivery = createDelivery<AppNotice>();
  app.onMessage((message) => {
    const notice = clientNotice(message) ?? noticeOf(message);
    if (notice) delivery.tell(notice);
  });
  return { onNotice: delivery.listen, drained: delivery.drained };
}
