/** The text of sd_notify(3) datagrams. At most one of READY=1, RELOADING=1 and STOPPING=1 per datagram. */

import { oneLine } from '../base/one-line.ts';

/** Bytes. systemd drops a longer datagram, even with READY=1 (NOTIFY_BUFFER_MAX in its source). */
export const DATAGRAM_MAX = 4096;

/** Bytes of a STATUS= text, which leaves room for other assignments. */
const STATUS_MAX = 1024;

/** The assignments of one datagram. */
export type NotifyState = readonly string[];

/** READY=1 and the text that `systemctl status` shows from then on. */
export function ready(status: string): NotifyState {
  return ['READY=1', ...statusLine(status)];
}

/** READY=1 for an app that becomes the main process (MAINPID= in sd_notify(3)): one datagram, so both or neither. */
export function handOver(pid: number, status: string): NotifyState {
  return [`MAINPID=${pid}`, ...ready(status)];
}

/** The text that `systemctl status` shows. */
export function statusLine(text: string): NotifyState {
  return [`STATUS=${printable(text)}`];
}

export function isStatus(assignment: string): boolean {
  return assignment.startsWith('STATUS=');
}

/**
 * Text for STATUS=, without control characters: a line break would start another assignment, a NUL would make systemd
 * drop the datagram, and systemctl prints the others unchanged. Longer text is cut, at a whole character.
 */
export function printable(text: string): string {
  const clean = oneLine(text);
  const bytes = new TextEncoder().encode(clean);
  if (bytes.length <= STATUS_MAX) return clean;
  return `${new TextDecoder().decode(bytes.subarray(0, STATUS_MAX)).replace(/\ufffd+$/, '')}…`;
}

/**
 * The datagram in UTF-8. systemd removes a backslash and takes the next character literally; if a backslash is last, it
 * drops the datagram, even with READY=1 (measured on 252; extract_first_word() in its source).
 */
export function encode(state: NotifyState): Uint8Array {
  const lines = state.map((assignment) => assignment.replace(/[\\\n\r]/g, '\\$&'));
  return new TextEncoder().encode(lines.join('\n'));
}
