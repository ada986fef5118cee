/** The messages of sd-ready-wrap/client on the IPC channel. */
import { CLIENT_MESSAGE } from './client-protocol.ts';
import { type AppNotice, parseAppNotice } from './parse.ts';

/** What one says; undefined for any other. */
export function clientNotice(message: unknown): AppNotice | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const { type, state } = message as { type?: unknown; state?: unknown };
  if (type !== CLIENT_MESSAGE || typeof state !== 'string') return undefined;
  return parseAppNotice(new TextEncoder().encode(state));
}
