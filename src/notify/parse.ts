/**
 * Parses a notification of the app and selects the assignments for systemd. Rejects what systemd rejects
 * (manager_dispatch_notify_fd and strv_split_newlines in its source, sd_notify(3)).
 */

import { oneLine } from '../base/one-line.ts';
import { orElse } from '../base/or-else.ts';
import { DATAGRAM_MAX, type NotifyState } from './state.ts';

/**
 * Relayed unchanged. Not relayed: unknown names, and MAINPID=, MAINPIDFD=, NOTIFYACCESS=, FDSTORE= and FDNAME=, because
 * they concern the main process or pass descriptors.
 */
const PASSED_ON = new Set([
  'STATUS',
  'ERRNO',
  'BUSERROR',
  'VARLINKERROR',
  'EXTEND_TIMEOUT_USEC',
  'WATCHDOG',
  'WATCHDOG_USEC',
]);

/** Parsed separately, and relayed in datagrams of their own. */
const STATE_WORDS = new Set(['READY', 'STOPPING', 'RELOADING', 'MONOTONIC_USEC']);

export interface AppNotice {
  readonly ready: boolean;
  readonly stopping: boolean;
  /** RELOADING=1 with its MONOTONIC_USEC=. */
  readonly reloading: NotifyState | undefined;
  /** The other assignments that are relayed. */
  readonly rest: NotifyState;
  /** The names of assignments that are not relayed. */
  readonly dropped: readonly string[];
  /** Sent by sd-ready-wrap/client over the IPC channel: its READY=1 counts for `--ipc` too. */
  readonly byClient?: true;
}

/**
 * Merges two notices of an app that sends too many: keeps the later value of each assignment.
 * @returns undefined if READY=1, STOPPING=1 or RELOADING=1 require two notices
 */
export function mergeAppNotices(earlier: AppNotice, later: AppNotice): AppNotice | undefined {
  const words = ({ ready, stopping, reloading }: AppNotice) => `${ready} ${stopping} ${reloading !== undefined}`;
  const isPlain = words(later) === 'false false false';
  if (words(earlier) !== words(later) && !isPlain) return undefined;
  const nameOf = (assignment: string) => assignment.slice(0, assignment.indexOf('='));
  const rest = new Map([...earlier.rest, ...later.rest].map((assignment) => [nameOf(assignment), assignment]));
  const dropped = [...new Set([...earlier.dropped, ...later.dropped])];
  return { ...(isPlain ? earlier : later), rest: [...rest.values()], dropped };
}

/**
 * @returns undefined for a datagram that systemd drops: too long, with a NUL byte, or with a backslash at the end. Also
 *   for BARRIER=1, which systemd handles alone; its sender waits until the descriptor is closed, which is done already.
 */
export function parseAppNotice(datagram: Uint8Array): AppNotice | undefined {
  if (datagram.length > DATAGRAM_MAX) return undefined;
  // one NUL at the end is allowed: C programs send it
  const body = datagram.at(-1) === 0 ? datagram.subarray(0, -1) : datagram;
  if (body.includes(0)) return undefined;
  const lines = splitLines(body);
  if (!lines) return undefined;

  const words = new Set<string>();
  // the first of several assignments counts; if it is not UTF-8 it is ignored, and so are the others
  const values = new Map<string, string | undefined>();
  for (const line of lines) {
    const equals = line.indexOf(EQUALS);
    if (equals < 1) continue;
    const [name, value] = [decode(line.subarray(0, equals)), decode(line.subarray(equals + 1))];
    words.add(`${name}=${value}`);
    if (name !== undefined && !values.has(name)) values.set(name, value);
  }
  if (words.has('BARRIER=1')) return undefined;

  const monotonic = values.get('MONOTONIC_USEC');
  const known = [...values].filter(([name, value]) => PASSED_ON.has(name) && value !== undefined);
  return {
    ready: words.has('READY=1'),
    stopping: words.has('STOPPING=1'),
    reloading: words.has('RELOADING=1')
      ? ['RELOADING=1', ...(monotonic === undefined ? [] : [`MONOTONIC_USEC=${monotonic}`])]
      : undefined,
    // systemctl would print control characters and line breaks unchanged
    rest: known.map(([name, value]) => `${name}=${oneLine(value as string)}`),
    dropped: [...values.keys()].filter((name) => !PASSED_ON.has(name) && !STATE_WORDS.has(name)),
  };
}

const [LF, CR, BACKSLASH, EQUALS] = [0x0a, 0x0d, 0x5c, 0x3d];

/**
 * Splits at \n and \r. A backslash escapes the next byte and is removed. No man page documents this; see
 * extract_first_word() in systemd's source.
 */
function splitLines(body: Uint8Array): readonly Uint8Array[] | undefined {
  const lines: Uint8Array[] = [];
  // in place, because unescaping only shortens a line
  const bytes = body.includes(BACKSLASH) ? Uint8Array.from(body) : body;
  let start = 0;
  let end = 0;
  for (let index = 0; index < body.length; index += 1) {
    let byte = body[index] as number;
    if (byte === LF || byte === CR) {
      lines.push(bytes.subarray(start, end));
      start = index + 1;
      end = start;
      continue;
    }
    if (byte === BACKSLASH) {
      index += 1;
      if (index === body.length) return undefined;
      byte = body[index] as number;
    }
    if (bytes !== body) bytes[end] = byte;
    end += 1;
  }
  return [...lines, bytes.subarray(start, end)];
}

/** @returns undefined if it is not UTF-8: systemd ignores such a STATUS=, but not the rest of the datagram */
function decode(bytes: Uint8Array): string | undefined {
  return orElse(() => decoder.decode(bytes), undefined);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
