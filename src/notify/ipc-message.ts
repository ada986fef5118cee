/**
 * sd_notify's words over the Node IPC channel: `process.send('WATCHDOG=1')`, for an app that has that channel anyway.
 */
import { type AppNotice, parseAppNotice } from './parse.ts';

/** @returns undefined for a message that is not meant so */
export function noticeOf(message: unknown): AppNotice | undefined {
  if (typeof message !== 'string' || !/^[A-Z][A-Z_]*=/.test(message)) return undefined;
  return parseAppNotice(new TextEncoder().encode(message));
}
