/** The text of sd_notify datagrams (sd_notify(3)). One state word a datagram, 4096 bytes at most. */

import { oneLine } from '../base/one-line.ts';

/** systemd drops a longer datagram whole, READY=1 and all (NOTIFY_BUFFER_MAX in its source). */
export const DATAGRAM_MAX = 4096;

/** Room for a STATUS text beside the other assignments of a datagram, bytes. */
const STATUS_MAX = 1024;

/** The assignments of one datagram, one a line. */
export type NotifyState = readonly string[];

/** READY=1 with the text that `systemctl status` shows from then on. */
export function ready(status: string): NotifyState {
  return ['READY=1', ...statusLine(status)];
}

/** READY=1 of an app that is the main process from then on (MAINPID= in sd_notify(3)): taken in one, or not at all. */
export function handOver(pid: number, status: string): NotifyState {
  return [`MAINPID=${pid}`, ...ready(status)];
}

/** The text that `systemctl status` shows. */
export function statusLine(text: string): NotifyState {
  return [`STATUS=${printable(text)}`];
}

/**
 * Text fit for a STATUS: no line ends or NUL, which would begin a new assignment or drop the datagram; no other control
 * characters, as systemctl prints them as they are; cut at a whole character to fit.
 */
export function printable(text: string): string {
  const clean = oneLine(text);
  const bytes = new TextEncoder().encode(clean);
  if (bytes.length <= STATUS_MAX) return clean;
  return `${new TextDecoder().decode(bytes.subarray(0, STATUS_MAX)).replace(/\ufffd+$/, '')}…`;
}

/**
 * The datagram itself, UTF-8. To systemd a backslash makes the character behind it an ordinary one and is gone itself,
 * and one at the very end drops the datagram, READY=1 and all (measured on 252; extract_first_word() in its source).
 */
export function encode(state: NotifyState): Uint8Array {
  const lines = state.map((assignment) => assignment.replace(/[\\\n\r]/g, '\\$&'));
  return new TextEncoder().encode(lines.join('\n'));
}
