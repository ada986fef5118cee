/** What the app tells systemd over the Node IPC channel: by sd-ready-wrap/client, or in sd_notify's own words. */

import { CLIENT_MESSAGE } from '../notify/client-protocol.ts';
import { createDelivery } from '../notify/delivery.ts';
import { type AppNotice, parseAppNotice } from '../notify/parse.ts';
import type { AppNoticeSource } from '../notify/types.ts';
import type { AppSigns } from './types.ts';

/** From now on. */
export function ipcNotices(app: AppSigns): AppNoticeSource {
  const delivery = createDelivery<AppNotice>();
  app.onMessage((message) => {
    const notice = noticeOf(message);
    if (notice) delivery.tell(notice);
  });
  return { onNotice: delivery.listen, drained: delivery.drained };
}

/**
 * What the client sends, or `process.send('WATCHDOG=1')`, for an app that has that channel anyway.
 * @returns undefined for a message that is not meant so
 */
export function noticeOf(message: unknown): AppNotice | undefined {
  if (typeof message === 'string') return /^[A-Z][A-Z_]*=/.test(message) ? parse(message) : undefined;
  const { type, state } = Object(message) as { type?: unknown; state?: unknown };
  const notice = type === CLIENT_MESSAGE && typeof state === 'string' ? parse(state) : undefined;
  return notice && { ...notice, byClient: true };
}

function parse(text: string): AppNotice | undefined {
  return parseAppNotice(new TextEncoder().encode(text));
}
