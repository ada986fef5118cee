/**
 * What a datagram of the app's own sd_notify says, and what of it is for systemd: the parser follows systemd's
 * (manager_dispatch_notify_fd and strv_split_newlines in its source, sd_notify(3)), so that what systemd would not take
 * is not taken here.
 */

import { orElse } from '../base/or-else.ts';
import { DATAGRAM_MAX, type NotifyState } from './state.ts';

/** What is passed on as it is. Not in it, as they are about the main process or hand over descriptors: MAINPID=,
 * MAINPIDFD=, NOTIFYACCESS=, FDSTORE=, FDNAME= and whatever is not known. */
const PASSED_ON = new Set([
  'STATUS',
  'ERRNO',
  'BUSERROR',
  'VARLINKERROR',
  'EXTEND_TIMEOUT_USEC',
  'WATCHDOG',
  'WATCHDOG_USEC',
]);

/** What is told apart below, and goes to systemd in a datagram of its own. */
const STATE_WORDS = new Set(['READY', 'STOPPING', 'RELOADING', 'MONOTONIC_USEC']);

export interface AppNotice {
  readonly ready: boolean;
  readonly stopping: boolean;
  /** RELOADING=1 with its MONOTONIC_USEC=, where the app says that it reloads. */
  readonly reloading: NotifyState | undefined;
  /** The other assignments that are for systemd. */
  readonly rest: NotifyState;
  /** The names of what is not passed on. */
  readonly dropped: readonly string[];
  /** By sd-ready-wrap/client over the IPC channel: that READY=1 is one of `--ipc` too. */
  readonly byClient?: true;
}

/**
 * @returns undefined for what systemd drops whole: too long, a NUL byte within, a backslash at the end. And for
 * BARRIER=1, with which nothing else counts: whoever sends it waits for its descriptor to be closed, and that is done.
 */
export function parseAppNotice(datagram: Uint8Array): AppNotice | undefined {
  if (datagram.length > DATAGRAM_MAX) return undefined;
  // one NUL at the end is fine, as C programs send it
  const body = datagram.at(-1) === 0 ? datagram.subarray(0, -1) : datagram;
  if (body.includes(0)) return undefined;
  const lines = splitLines(body);
  if (!lines) return undefined;

  const words = new Set<string>();
  // the first of several wins, and also hides the others when it is no UTF-8 and counts for nothing itself
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
    rest: known.map(([name, value]) => `${name}=${value}`),
    dropped: [...values.keys()].filter((name) => !PASSED_ON.has(name) && !STATE_WORDS.has(name)),
  };
}

const [LF, CR, BACKSLASH, EQUALS] = [0x0a, 0x0d, 0x5c, 0x3d];

/**
 * At \n and at \r. A backslash takes the byte behind it as it is and goes, which no man page says:
 * extract_first_word() does it wherever it is not told to leave them.
 */
function splitLines(body: Uint8Array): readonly Uint8Array[] | undefined {
  const lines: Uint8Array[] = [];
  let line: number[] = [];
  for (let index = 0; index < body.length; index += 1) {
    const byte = body[index] as number;
    if (byte === LF || byte === CR) {
      lines.push(Uint8Array.from(line));
      line = [];
    } else if (byte !== BACKSLASH) {
      line.push(byte);
    } else {
      index += 1;
      if (index === body.length) return undefined;
      line.push(body[index] as number);
    }
  }
  return [...lines, Uint8Array.from(line)];
}

/** @returns undefined for what is no UTF-8: systemd ignores such a STATUS=, and the rest of the datagram counts */
function decode(bytes: Uint8Array): string | undefined {
  return orElse(() => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), undefined);
}
