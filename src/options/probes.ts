/** From the options that ask for readiness probes to what each probe is to do. */
import { UsageError } from '../base/errors.ts';
import { SOCKET_PATH_MAX } from '../base/socket-path.ts';
import { isLoopback, type ProbeSpec, type SocketOwner, type StatusRange } from '../probes/spec.ts';
import {
  choice,
  example,
  exampleOf,
  isOn,
  last,
  nonEmpty,
  quote,
  type RawOptions,
  type RawValue,
  switchValue,
  text,
  time,
} from './raw.ts';

/**
 * What `--tcp PORT` asks: an app that listens on `localhost` gets ::1 alone on some hosts
 * (https://nodejs.org/api/dns.html#dnssetdefaultresultorderorder).
 */
const LOOPBACK = ['127.0.0.1', '::1'];

/** The addresses of `localhost` and of the names below it, whatever the hosts file says (RFC 6761, 6.3). */
function hostsOf(host: string): readonly string[] {
  return /^(?:.+\.)?localhost\.?$/i.test(host) ? LOOPBACK : [host];
}

/**
 * What the options ask for, in the order of the option table; none where no probe is asked for. @throws {UsageError}
 */
export function probeSpecs(raw: RawOptions): readonly ProbeSpec[] {
  const owner = choice(raw, 'tcp-owner', ['app', 'any'] as const);
  const logs = (['stdout', 'stderr', 'output'] as const).flatMap((option) =>
    (raw[option] ?? []).map((value) => logSpec(option, value)),
  );
  const ipc = ipcSpec(raw);
  return [
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
}

/** `3000`, `localhost:3000`, `127.0.0.1:3000`, `[::1]:3000`. */
function tcpSpec(value: RawValue, owner: SocketOwner): ProbeSpec {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]\s]+)):)?(\d+)$/.exec(text(value).trim());
  if (!match) {
    if (/^https?:\/\//i.test(text(value).trim())) {
      throw new UsageError(quote(value), '--tcp takes a port, not a URL', `write e.g. ${asHttp(value)}`);
    }
    if (/^(?:.*:)?\d*%[iI]\d*$/.test(text(value).trim())) refuseSpecifier('tcp', value);
    const bareV6 = /^[\da-f]*:[\da-f.]*:[\da-f:.]*$/i.test(text(value));
    throw new UsageError(
      quote(value),
      bareV6 ? 'an IPv6 address needs brackets' : 'not a PORT or HOST:PORT',
      bareV6
        ? example('tcp', value, '[::1]:3000')
        : `${example('tcp', value)} or ${quote({ ...value, text: '127.0.0.1:3000' })}`,
    );
  }
  const port = portNumber('tcp', value, match[3] as string);
  const host = match[1] ?? match[2];
  return { kind: 'tcp', hosts: host === undefined ? LOOPBACK : hostsOf(host), port, owner, written: quote(value) };
}

function portNumber(option: 'tcp' | 'listen' | 'http', value: RawValue, digits: string): number {
  const port = Number(digits);
  if (port < 1 || port > 65535) {
    throw new UsageError(quote(value), 'a port is a number from 1 to 65535', example(option, value));
  }
  return port;
}

/**
 * What systemd fills in (systemd.unit(5), Specifiers) is there in a template alone; for that --print-unit has put in a
 * number.
 */
function refuseSpecifier(option: 'tcp' | 'listen' | 'http', value: RawValue): never {
  const number = text(value)
    .replace(/^%[iI]$/, exampleOf('tcp'))
    .replace(/%[iI]/g, '1');
  throw new UsageError(
    quote(value),
    '%i works only in the unit file of a template, where systemd replaces it',
    `${example(option, value, number)}; to print a template add --print-unit --unit-name shop@`,
  );
}

/** `any`, a port, the path of a Unix socket or, as `ss` shows it, its abstract @name. */
function listenSpec(value: RawValue): ProbeSpec {
  const target = text(value).trim();
  if (target === 'any') return { kind: 'listen', target };
  if (/^\d+$/.test(target)) return { kind: 'listen', target: portNumber('listen', value, target) };
  if (/^\d*%[iI]\d*$/.test(target)) refuseSpecifier('listen', value);
  if (!target.includes('/') && !target.startsWith('@')) {
    throw new UsageError(
      quote(value),
      'not any, a port or a path',
      `${example('listen', value)} or ${quote({ ...value, text: '/run/app/app.sock' })}`,
    );
  }
  return { kind: 'listen', target: socketPath('listen', value) };
}

function unixSpec(value: RawValue, owner: SocketOwner): ProbeSpec {
  return { kind: 'unix', path: socketPath('unix', value), owner, written: quote(value) };
}

function socketPath(option: 'listen' | 'unix', value: RawValue): string {
  const path = nonEmpty(option, value);
  if (new TextEncoder().encode(path).length > SOCKET_PATH_MAX) {
    throw new UsageError(
      quote(value),
      `longer than ${SOCKET_PATH_MAX} bytes, the limit for the path of a Unix socket`,
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
        throw new UsageError(value.place, 'works only with --http', `write e.g. ${withHttp(value)}`);
      }
    }
  }
  return (raw.http ?? []).map((value) => {
    const url = httpUrl(value);
    const hosts = hostsOf(url.hostname.replace(/^\[|\]$/g, ''));
    return {
      kind: 'http',
      url,
      hosts,
      onThisHost: hosts.every(isLoopback),
      statuses,
      headers,
      insecure,
      owner,
      written: quote(value),
    };
  });
}

function withHttp(value: RawValue): string {
  return `--http ${exampleOf('http')} ${quote(value)}`;
}

function asHttp(value: RawValue): string {
  return quote({ ...value, place: '--http' });
}

function httpUrl(value: RawValue): URL {
  const source = text(value).trim();
  if (!/^https?:\/\/[^/]/i.test(source)) {
    throw new UsageError(quote(value), 'not an http:// or https:// URL', example('http', value, withScheme(source)));
  }
  let url: URL;
  try {
    url = new URL(source);
  } catch {
    if (URL.canParse(source.replace(/%[iI]/g, '1'))) refuseSpecifier('http', value);
    throw new UsageError(quote(value), 'not a URL', example('http', value));
  }
  try {
    for (const part of [url.username, url.password]) decodeURIComponent(part);
  } catch {
    throw new UsageError(quote(value), 'an invalid % escape in user or password', 'write %25 for a %');
  }
  if (url.port !== '') portNumber('http', value, url.port);
  return url;
}

/** What was meant by `localhost:3000/health` or `3000`, where it can be guessed. */
function withScheme(source: string): string | undefined {
  if (/^https?[:/]|:\/\//i.test(source)) return undefined;
  const written = /^\d+(\/|$)/.test(source) ? `http://127.0.0.1:${source}` : `http://${source}`;
  return /^[\w.[\]:-]+(\/|$)/.test(source) && URL.canParse(written) ? written : undefined;
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
  const match = /^([!#$%&'*+.^_`|~\da-z-]+):([\t\x20-\x7e\x80-\xff]*)$/i.exec(text(value));
  if (!match) throw new UsageError(quote(value), 'not a header', example('http-header', value));
  return [match[1] as string, (match[2] as string).trim()];
}

/** The most that a descriptor's number may be: each below it is a slot to set up at the start. */
const FD_MAX = 255;

function fdSpecs(values: readonly RawValue[]): readonly ProbeSpec[] {
  const numbers = new Set(
    values.map((value) => {
      const source = text(value).trim();
      const fd = Number(source);
      if (!/^\d+$/.test(source) || fd > FD_MAX) {
        throw new UsageError(quote(value), `not a file descriptor from 3 to ${FD_MAX}`, example('fd', value));
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
  ["0 is the app's stdin, which it does not write to", 'use another descriptor'],
  ["1 is the app's stdout, where any line would count", "use --stdout 'listening on'"],
  ["2 is the app's stderr, where any line would count", "use --stderr 'listening on'"],
];

/** Characters. V8 tells of one that is too large for it only when it is used, and ours would end by that. */
const REGEX_MAX = 10_000;

function logSpec(option: 'stdout' | 'stderr' | 'output', value: RawValue): ProbeSpec {
  const source = text(value);
  if (source === '')
    throw new UsageError(quote(value), 'an empty regex, which matches every line', example(option, value));
  if (source.length > REGEX_MAX) {
    throw new UsageError(quote(value), `a regex of more than ${REGEX_MAX} characters`, example(option, value));
  }
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
  if (word && text(word) === '') throw new UsageError(quote(word), 'an empty message', example('ipc-message', word));
  if (!on) return undefined;
  return { kind: 'ipc', word: word ? text(word) : 'ready' };
}
