/** From what the operator wrote to a checked configuration. All defaults are here, once. */
import { parseBoolean } from './boolean.ts';
import { UsageError } from './errors.ts';
import { refusedWithHandoff } from './handoff.ts';
import type { LogLevel } from './lifecycle.ts';
import { isNodeRuntime, runnerIn } from './node-command.ts';
import { OPTION_TABLE, type OptionName, type OptionRow } from './option-table.ts';
import type { PollTiming } from './poll.ts';
import type { OutputStream } from './ports.ts';
import { canBeAskedAgain, type ProbeSpec, type SocketOwner, type StatusRange } from './probe-spec.ts';
import type { ReadyWhen } from './readiness.ts';
import { type ForwardSignals, parseRewrite, type Rewrites } from './signals.ts';
import { parseTimeSpan } from './time-span.ts';
import type { WatchdogMode } from './watchdog.ts';

/** One value as it was written, and where: `--tcp` or `SD_READY_WRAP_TCP`. */
export interface RawValue {
  readonly place: string;
  /** `true` for a switch of the command line. */
  readonly text: string | true;
}

/** What was given, by option. The values of one option all come from the same place. */
export type RawOptions = Readonly<Partial<Record<OptionName, readonly RawValue[]>>>;

/**
 * What `--tcp PORT` asks: an app that listens on `localhost` gets ::1 alone on some hosts
 * (https://nodejs.org/api/dns.html#dnssetdefaultresultorderorder).
 */
const LOOPBACK = ['127.0.0.1', '::1'];

/** Who gets what is sent to the app: its process, or all of its process group. */
export type SignalScope = 'process' | 'group';

export type LogFormat = 'auto' | 'journal' | 'json' | 'pretty';

/** Times in ms; `Infinity` is no limit. */
export interface Config {
  readonly command: string;
  readonly args: readonly string[];
  readonly probes: readonly ProbeSpec[];
  readonly readyWhen: ReadyWhen;
  /** Undefined where none was given: then what is asked, and what for, says how long. */
  readonly timing: Pick<PollTiming, 'initialDelay'> & {
    readonly interval: number | undefined;
    readonly attemptTimeout: number | undefined;
  };
  readonly timeout: number;
  readonly stopTimeout: number;
  /** How much longer systemd is asked to wait while the app is not ready. */
  readonly extendTimeout: number | undefined;
  /** The app becomes the main process once it is ready. */
  readonly handoff: boolean;
  readonly watchdog: WatchdogMode;
  /** Undefined where none was given; `Infinity` was. */
  readonly reloadTimeout: number | undefined;
  readonly forwardSignals: ForwardSignals;
  readonly signalScope: SignalScope;
  readonly rewrites: Rewrites;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** @throws {UsageError} for anything that is not right, one line each */
export function buildConfig(raw: RawOptions, words: readonly string[]): Config {
  const logLevel = choice(raw, 'log-level', ['info', 'debug', 'warn', 'error'] as const);
  const logFormat = choice(raw, 'log-format', ['auto', 'journal', 'json', 'pretty'] as const);
  const readyWhen = choice(raw, 'ready-when', ['all', 'any'] as const);
  const timing: Config['timing'] = {
    initialDelay: time(raw, 'initial-delay', 0, { least: 0 }),
    interval: raw.interval && time(raw, 'interval', 0, { least: 1 }),
    attemptTimeout: raw['attempt-timeout'] && time(raw, 'attempt-timeout', 0, { least: 1 }),
  };
  const timeout = time(raw, 'timeout', Number.POSITIVE_INFINITY, 'zero or infinity is no limit');
  const stopTimeout = time(raw, 'stop-timeout', 10_000, 'zero or infinity is no limit');
  const extendTimeout = raw['extend-timeout'] ? time(raw, 'extend-timeout', 0, { least: 100 }) : undefined;
  const watchdog = choice(raw, 'watchdog', ['process', 'off', 'probe', 'app', 'loop'] as const);
  const reloadTimeout = raw['reload-timeout']
    ? time(raw, 'reload-timeout', 0, 'zero or infinity is no limit')
    : undefined;
  const forwardSignals = choice(raw, 'forward-signals', ['auto', 'all', 'none'] as const);
  const signalScope = choice(raw, 'signal-scope', ['process', 'group'] as const);
  const rewrites = new Map((raw['rewrite-signal'] ?? []).map(rewrite));
  const owner = choice(raw, 'tcp-owner', ['app', 'any'] as const);
  const logs = (['stdout', 'stderr', 'output'] as const).flatMap((option) =>
    (raw[option] ?? []).map((value) => logSpec(option, value)),
  );
  const ipc = ipcSpec(raw);
  const named: readonly ProbeSpec[] = [
    ...(raw.tcp ?? []).map((value) => tcpSpec(value, owner)),
    ...(raw.listen ?? []).map(listenSpec),
    ...(raw.unix ?? []).map((value) => unixSpec(value, owner)),
    ...httpSpecs(raw, owner),
    ...logs,
    ...(ipc ? [ipc] : []),
    ...(isOn(raw, 'notify') ? [{ kind: 'notify' } as const] : []),
    ...fdSpecs(raw.fd ?? []),
    ...(raw.file ?? []).map((value) => ({ kind: 'file', path: nonEmpty('file', value) }) as const),
    ...(raw.exec ?? []).map((value) => ({ kind: 'exec', command: nonEmpty('exec', value) }) as const),
    ...(raw.delay ? [{ kind: 'delay', ms: time(raw, 'delay', 0, { least: 1 }) } as const] : []),
  ];

  const handoff = isOn(raw, 'handoff');
  const refused = handoff && refusedWithHandoff(raw);
  if (refused) throw new UsageError(quote(refused.value), refused.problem, refused.hint);

  const [command, ...args] = words;
  if (command === undefined) {
    throw new UsageError(
      '<command>',
      'no command given',
      'name the app to start, e.g. sd-ready-wrap --tcp 3000 -- node app.js',
    );
  }
  if (command === '')
    throw new UsageError('<command>', 'the command is an empty word', 'name the app to start, e.g. node app.js');
  if (ipc && !isNodeRuntime(command)) {
    throw new UsageError(
      raw.ipc?.[0]?.place ?? raw['ipc-message']?.[0]?.place ?? '--ipc',
      `${command} cannot be given a Node IPC channel of its own`,
      'name the runtime itself, e.g. sd-ready-wrap --ipc -- node app.js',
    );
  }
  const probes: readonly ProbeSpec[] = named.length > 0 ? named : [{ kind: 'auto', notify: !handoff }];
  refuseWatchdog(last(raw, 'watchdog'), watchdog, probes, words);
  return {
    ...{ command, args, probes, readyWhen, timing, timeout, stopTimeout, extendTimeout },
    ...{ watchdog, reloadTimeout, handoff, forwardSignals, signalScope, rewrites, logLevel, logFormat },
  };
}

/** @throws {UsageError} where nobody could ever be found well, or another in the app's place */
function refuseWatchdog(
  value: RawValue | undefined,
  mode: WatchdogMode,
  probes: readonly ProbeSpec[],
  words: readonly string[],
): void {
  if (value === undefined) return;
  if (mode === 'probe' && !probes.some(canBeAskedAgain)) {
    throw new UsageError(
      quote(value),
      `no probe here can be asked again (${probes.map(({ kind }) => kind).join(', ')})`,
      'add one that can, e.g. --tcp 3000 or --http http://127.0.0.1:3000/, or use --watchdog process',
    );
  }
  const runner = mode === 'loop' ? runnerIn(words) : undefined;
  if (runner !== undefined) {
    throw new UsageError(
      quote(value),
      `${runner} is not known to be Node, or starts the app as a child of its own`,
      'name Node and the app itself, e.g. sd-ready-wrap --watchdog loop -- node app.js',
    );
  }
}

/** Whether the app gets a Node IPC channel. */
export function hasIpc(probes: readonly ProbeSpec[]): boolean {
  return probes.some(({ kind }) => kind === 'ipc');
}

/** Which of the app's output streams are watched: those go through the wrapper, the others are inherited untouched. */
export function watchedStreams(probes: readonly ProbeSpec[]): ReadonlySet<OutputStream> {
  return new Set(probes.flatMap((spec) => (spec.kind === 'log' ? spec.streams : [])));
}

/** Whether the owners of listening sockets matter: what was there before the app has to be known then. */
export function tracesSockets(probes: readonly ProbeSpec[]): boolean {
  return probes.some((spec) => ('owner' in spec && spec.owner === 'app') || ['listen', 'auto'].includes(spec.kind));
}

/** In its usual spelling. Another one (127.1), and what only looks like one (127.0.0.999), is for whoever resolves names. */
const LOOPBACK_ADDRESS = /^127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$|^::1$/;

/** Whether any host is more than a loopback address: to look at it, node:dns takes longer to load than the rest to run. */
export function namesHosts(probes: readonly ProbeSpec[]): boolean {
  return probes.some(
    (spec) => (spec.kind === 'tcp' || spec.kind === 'http') && !spec.hosts.every((host) => LOOPBACK_ADDRESS.test(host)),
  );
}

/** What was written at a place, for the start of an error: `--tcp 70000`. */
function quote({ place, text }: RawValue): string {
  if (text === true) return place;
  const shown = text === '' ? "''" : text;
  return place.startsWith('--') ? `${place} ${shown}` : `${place}=${shown}`;
}

function row(name: OptionName): OptionRow {
  return OPTION_TABLE.find((candidate) => candidate.name === name) as OptionRow;
}

/** `write e.g. --tcp 3000`, in the form of the place where the wrong value stood. */
function example(name: OptionName, value: RawValue, text: string | undefined = row(name).example): string {
  return `write e.g. ${quote({ ...value, text: text ?? '' })}`;
}

function last(raw: RawOptions, name: OptionName): RawValue | undefined {
  return raw[name]?.at(-1);
}

function text(value: RawValue): string {
  return value.text === true ? '' : value.text;
}

/** One word of a list; the first is the default. */
function choice<T extends string>(raw: RawOptions, name: OptionName, words: readonly [T, ...T[]]): T {
  const value = last(raw, name);
  if (!value) return words[0];
  const found = words.find((word) => word === text(value));
  if (!found) throw new UsageError(quote(value), `not one of ${words.join(', ')}`, example(name, value));
  return found;
}

/**
 * A time span in ms. `limit` is either the least that makes sense, or says that the option is a limit which zero and
 * infinity take away, as for TimeoutStartSec= (systemd.service(5)).
 */
function time(
  raw: RawOptions,
  name: OptionName,
  byDefault: number,
  limit: { readonly least: number } | 'zero or infinity is no limit',
): number {
  const value = last(raw, name);
  if (!value) return byDefault;
  const ms = parseTimeSpan(text(value));
  // two lines of a variable would be added up
  if (ms === undefined || text(value).trim().includes('\n'))
    throw new UsageError(quote(value), 'not a time span', example(name, value));
  if (limit === 'zero or infinity is no limit') return ms === 0 ? Number.POSITIVE_INFINITY : ms;
  if (!Number.isFinite(ms)) throw new UsageError(quote(value), 'must end some time', example(name, value));
  if (ms < limit.least) throw new UsageError(quote(value), `must be at least ${limit.least}ms`, example(name, value));
  return ms;
}

function rewrite(value: RawValue) {
  const found = parseRewrite(text(value));
  if (typeof found === 'string') throw new UsageError(quote(value), found, example('rewrite-signal', value));
  return found;
}

/** `3000`, `localhost:3000`, `127.0.0.1:3000`, `[::1]:3000`. */
function tcpSpec(value: RawValue, owner: SocketOwner): ProbeSpec {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]\s]+)):)?(\d+)$/.exec(text(value).trim());
  if (!match) {
    const bareV6 = /^[\da-f]*:[\da-f:.]*:[\da-f:.]*$/i.test(text(value));
    throw new UsageError(
      quote(value),
      bareV6 ? 'an IPv6 address needs brackets' : 'not a PORT or HOST:PORT',
      bareV6
        ? example('tcp', value, '[::1]:3000')
        : `${example('tcp', value)} or ${quote({ ...value, text: '127.0.0.1:3000' })}`,
    );
  }
  const port = Number(match[3]);
  if (port < 1 || port > 65535) {
    throw new UsageError(quote(value), 'a port is a number from 1 to 65535', example('tcp', value));
  }
  const host = match[1] ?? match[2];
  return { kind: 'tcp', hosts: host === undefined ? LOOPBACK : [host], port, owner, written: quote(value) };
}

/** `any`, a port, the path of a Unix socket or, as `ss` shows it, its abstract @name. */
function listenSpec(value: RawValue): ProbeSpec {
  const target = text(value).trim();
  if (target === 'any') return { kind: 'listen', target };
  if (/^\d+$/.test(target)) {
    const port = Number(target);
    if (port < 1 || port > 65535) {
      throw new UsageError(quote(value), 'a port is a number from 1 to 65535', example('listen', value));
    }
    return { kind: 'listen', target: port };
  }
  if (!target.includes('/') && !target.startsWith('@')) {
    throw new UsageError(
      quote(value),
      'neither any, a port nor a path',
      `${example('listen', value)} or ${quote({ ...value, text: '/run/app/app.sock' })}`,
    );
  }
  return { kind: 'listen', target: socketPath('listen', value) };
}

function unixSpec(value: RawValue, owner: SocketOwner): ProbeSpec {
  return { kind: 'unix', path: socketPath('unix', value), owner, written: quote(value) };
}

/** sun_path holds 108 bytes with the final NUL (unix(7)); Node cuts a longer path silently. */
const SOCKET_PATH_MAX = 107;

function socketPath(option: 'listen' | 'unix', value: RawValue): string {
  const path = nonEmpty(option, value);
  if (new TextEncoder().encode(path).length > SOCKET_PATH_MAX) {
    throw new UsageError(
      quote(value),
      `the path of a Unix socket has at most ${SOCKET_PATH_MAX} bytes`,
      example(option, value),
    );
  }
  return path;
}

function httpSpecs(raw: RawOptions, owner: SocketOwner): readonly ProbeSpec[] {
  const insecure = isOn(raw, 'http-insecure');
  const statuses = statusRanges(last(raw, 'http-status'));
  const headers = (raw['http-header'] ?? []).map(header);
  if (!raw.http) {
    for (const name of ['http-header', 'http-status', 'http-insecure'] as const) {
      const value = last(raw, name);
      if (value?.place.startsWith('--')) {
        throw new UsageError(value.place, 'there is no --http that it could be for', `write e.g. ${withHttp(value)}`);
      }
    }
  }
  return (raw.http ?? []).map((value) => {
    const url = httpUrl(value);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    return {
      kind: 'http',
      url,
      hosts: [host],
      onThisHost: LOOPBACK_ADDRESS.test(host),
      statuses,
      headers,
      insecure,
      owner,
      written: quote(value),
    };
  });
}

function withHttp(value: RawValue): string {
  return `--http ${row('http').example} ${quote(value)}`;
}

function httpUrl(value: RawValue): URL {
  const source = text(value).trim();
  if (!/^https?:\/\/[^/]/i.test(source)) {
    throw new UsageError(quote(value), 'not an http:// or https:// URL', example('http', value));
  }
  let url: URL;
  try {
    url = new URL(source);
  } catch {
    throw new UsageError(quote(value), 'not a URL', example('http', value));
  }
  try {
    decodeURIComponent(url.username + url.password);
  } catch {
    throw new UsageError(quote(value), 'a % in user or password that encodes nothing', 'write %25 for a %');
  }
  if (url.port === '0')
    throw new UsageError(quote(value), 'a port is a number from 1 to 65535', example('http', value));
  return url;
}

/** `200`, `200-299`, several behind commas. */
function statusRanges(value: RawValue | undefined): readonly StatusRange[] {
  if (!value) return [{ from: 200, to: 399 }];
  return text(value)
    .split(',')
    .map((part) => {
      const match = /^\s*([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?\s*$/.exec(part);
      const from = Number(match?.[1]);
      const to = Number(match?.[2] ?? match?.[1]);
      if (!match || to < from) {
        throw new UsageError(quote(value), 'not a list of HTTP statuses (100 to 599)', example('http-status', value));
      }
      return { from, to };
    });
}

/** A field line (RFC 9110, 5.5 and 5.6.2). */
function header(value: RawValue): readonly [string, string] {
  const match = /^([!#$%&'*+.^_`|~\da-z-]+):[ \t]*(.*?)[ \t]*$/i.exec(text(value));
  if (!match || !/^[\t\x20-\x7e\x80-\xff]*$/.test(match[2] as string)) {
    throw new UsageError(quote(value), 'not a header', example('http-header', value));
  }
  return [match[1] as string, match[2] as string];
}

/** The most that a descriptor's number may be: each below it is a slot to set up at the start. */
const FD_MAX = 255;

function fdSpecs(values: readonly RawValue[]): readonly ProbeSpec[] {
  const numbers = new Set(
    values.map((value) => {
      const source = text(value).trim();
      const fd = Number(source);
      if (!/^\d+$/.test(source) || fd > FD_MAX) {
        throw new UsageError(quote(value), `not a descriptor's number from 3 to ${FD_MAX}`, example('fd', value));
      }
      if (fd < 3) {
        const [problem, hint] = STANDARD_STREAMS[fd] as readonly [string, string];
        throw new UsageError(quote(value), problem, `${hint}, or ${example('fd', value)}`);
      }
      return fd;
    }),
  );
  return [...numbers].map((fd) => ({ kind: 'fd', fd }));
}

/** What is wrong with each as `--fd`, and what to use instead. */
const STANDARD_STREAMS: readonly (readonly [string, string])[] = [
  ["that is the app's stdin, which it does not write to", 'use a descriptor of its own'],
  ["that is the app's stdout, and a line there means nothing by itself", "use --stdout 'listening on'"],
  ["that is the app's stderr, and a line there means nothing by itself", "use --stderr 'listening on'"],
];

function nonEmpty(name: OptionName, value: RawValue): string {
  const written = text(value);
  if (written.trim() === '') throw new UsageError(`${value.place} ''`, 'an empty value', example(name, value));
  if (written.includes('\0')) throw new UsageError(quote(value), 'a NUL byte in it', example(name, value));
  return written;
}

/** Whether a switch is given, and on. */
export function isOn(raw: RawOptions, name: OptionName): boolean {
  const value = last(raw, name);
  return value !== undefined && switchValue(value);
}

function logSpec(option: 'stdout' | 'stderr' | 'output', value: RawValue): ProbeSpec {
  const source = text(value);
  if (source === '')
    throw new UsageError(`${value.place} ''`, 'an empty regex matches any line', example(option, value));
  const streams = option === 'output' ? (['stdout', 'stderr'] as const) : [option];
  try {
    return { kind: 'log', option, streams, regex: new RegExp(source) };
  } catch (error) {
    const problem = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, '') : String(error);
    throw new UsageError(quote(value), `not a JavaScript regex (${problem})`, example(option, value));
  }
}

function ipcSpec(raw: RawOptions): ProbeSpec | undefined {
  const word = last(raw, 'ipc-message');
  const asked = last(raw, 'ipc');
  // the command line wins: a word given there is stronger than a variable that says no
  const on = asked ? switchValue(asked) || (word?.place.startsWith('--') ?? false) : word !== undefined;
  if (word && text(word) === '')
    throw new UsageError(`${word.place} ''`, 'an empty word', example('ipc-message', word));
  if (!on) return undefined;
  return { kind: 'ipc', word: word ? text(word) : 'ready' };
}

/** A switch in systemd's words (systemd.syntax(7), booleans). Empty is handled before: it is unset. */
function switchValue(value: RawValue): boolean {
  if (value.text === true) return true;
  const on = parseBoolean(value.text);
  if (on !== undefined) return on;
  throw new UsageError(quote(value), 'neither yes nor no', `write ${value.place}=yes or ${value.place}=no`);
}
