/**
 * What a datagram of the app's own sd_notify says, and what of it is for systemd: the parser follows systemd's
 * (manager_dispatch_notify_fd in its source, sd_notify(3)), so that what systemd would not take is not taken here.
 */
import { DATAGRAM_MAX, type NotifyState } from './notify-state.ts';

/** What is passed on as it is. Not in it, as they are about the main process or hand over descriptors: MAINPID=,
 * MAINPIDFD=, NOTIFYACCESS=, FDSTORE=, FDNAME=, BARRIER= and whatever is not known. */
const PASSED_ON = new Set([
  'STATUS',
  'ERRNO',
  'BUSERROR',
  'VARLINKERROR',
  'EXTEND_TIMEOUT_USEC',
  'WATCHDOG',
  'WATCHDOG_USEC',
]);

export interface AppNotice {
  readonly ready: boolean;
  readonly stopping: boolean;
  /** RELOADING=1 with its MONOTONIC_USEC=, where the app says that it reloads. */
  readonly reloading: NotifyState | undefined;
  /** The other assignments that are for systemd. */
  readonly rest: NotifyState;
  /** The names of what is not passed on. */
  readonly dropped: readonly string[];
}

/** @returns undefined for what systemd would drop whole: too long, a NUL byte within */
export function parseAppNotice(datagram: Uint8Array): AppNotice | undefined {
  if (datagram.length > DATAGRAM_MAX) return undefined;
  // one NUL at the end is fine, as C programs send it
  const body = datagram.at(-1) === 0 ? datagram.subarray(0, -1) : datagram;
  if (body.includes(0)) return undefined;

  // the first of several wins
  const values = new Map<string, string>();
  const words = new Set<string>();
  for (const line of splitLines(body)) {
    const text = decode(line);
    if (text === undefined) continue;
    words.add(text);
    const equals = text.indexOf('=');
    if (equals > 0 && !values.has(text.slice(0, equals))) values.set(text.slice(0, equals), text.slice(equals + 1));
  }
  const monotonic = values.get('MONOTONIC_USEC');
  const rest: string[] = [];
  const dropped: string[] = [];
  for (const [name, value] of values) {
    if (PASSED_ON.has(name)) rest.push(`${name}=${value}`);
    else if (!STATE_WORDS.has(name)) dropped.push(name);
  }
  return {
    ready: words.has('READY=1'),
    stopping: words.has('STOPPING=1'),
    reloading: words.has('RELOADING=1')
      ? ['RELOADING=1', ...(monotonic === undefined ? [] : [`MONOTONIC_USEC=${monotonic}`])]
      : undefined,
    rest,
    dropped,
  };
}

const STATE_WORDS = new Set(['READY', 'STOPPING', 'RELOADING', 'MONOTONIC_USEC', 'BARRIER']);

/** At \n and at \r, as systemd does. */
function splitLines(body: Uint8Array): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  let start = 0;
  for (let index = 0; index <= body.length; index += 1) {
    if (index < body.length && body[index] !== 10 && body[index] !== 13) continue;
    lines.push(body.subarray(start, index));
    start = index + 1;
  }
  return lines;
}

/** systemd ignores a STATUS= that is no UTF-8, and the rest of the datagram counts. */
function decode(line: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line);
  } catch {
    return undefined;
  }
}
