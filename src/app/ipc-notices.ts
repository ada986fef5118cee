/** Notifications that the app sends over the Node IPC channel: with sd-ready-wrap/client or as sd_notify(3) strings. */

import { CLIENT_MESSAGE } from '../notify/client-protocol.ts';
import { createDelivery } from '../notify/delivery.ts';
import { type AppNotice, mergeAppNotices, parseAppNotice } from '../notify/parse.ts';
import type { AppNoticeSource } from '../notify/types.ts';
import type { AppOutput } from './types.ts';

export function ipcNotices(app: AppOutput): AppNoticeSource {
  const delivery = createDelivery(mergeAppNotices);
  app.onMessage((message) => {
    const notice = noticeOf(message);
    if (notice) delivery.tell(notice);
  });
  return { onNotice: delivery.listen, drained: delivery.drained };
}

/**
 * Accepts messages of sd-ready-wrap/client, and strings such as `process.send('WATCHDOG=1')`.
 * @returns undefined for any other message
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
