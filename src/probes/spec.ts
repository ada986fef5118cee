/** Each probe option as data. `probes/index.ts` makes the probes. */
import type { OutputStream } from '../app/types.ts';

/** Whose listening socket counts: the app's own, or that of any process. */
export type SocketOwner = 'app' | 'any';

/** A range of HTTP statuses, both ends included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** `written` is the operator's text and its place, for a later error message: `--tcp nohost:80`. */
export type ProbeSpec =
  /** One of the hosts is enough. */
  | {
      readonly kind: 'tcp';
      readonly hosts: readonly string[];
      readonly port: number;
      readonly owner: SocketOwner;
      readonly written: string;
    }
  /** A listening socket of the app: any, a TCP port, or the path (or @name) of a Unix socket. */
  | { readonly kind: 'listen'; readonly target: 'any' | number | string }
  | { readonly kind: 'unix'; readonly path: string; readonly owner: SocketOwner; readonly written: string }
  | {
      readonly kind: 'http';
      readonly url: URL;
      /** The addresses of the URL's host, after the lookup. */
      readonly hosts: readonly string[];
      /** Whether they are this host's own, so that the process that answers can be found. */
      readonly onThisHost: boolean;
      readonly statuses: readonly StatusRange[];
      readonly headers: readonly (readonly [name: string, value: string])[];
      /** Accept self-signed and other untrusted certificates. */
      readonly insecure: boolean;
      readonly owner: SocketOwner;
      readonly written: string;
    }
  | { readonly kind: 'log'; readonly option: string; readonly streams: readonly OutputStream[]; readonly regex: RegExp }
  | { readonly kind: 'ipc'; readonly word: string }
  | { readonly kind: 'notify' }
  | { readonly kind: 'fd'; readonly fd: number }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'exec'; readonly command: string }
  /** ms */
  | { readonly kind: 'delay'; readonly ms: number }
  /** No probe is named: READY=1 from the app (if `notify`), or its first listening TCP socket. */
  | { readonly kind: 'auto'; readonly notify: boolean };

const POLLED: ReadonlySet<ProbeSpec['kind']> = new Set(['tcp', 'listen', 'unix', 'http', 'file', 'exec']);

/**
 * Whether the probe polls, and so can also check later whether the app is healthy or has reloaded. The others wait for
 * a message. `auto` is either of the two, which is known only once it is ready.
 */
export function canPollAgain({ kind }: ProbeSpec): boolean {
  return POLLED.has(kind);
}

/** Whether the app gets a Node IPC channel. */
export function hasIpc(probes: readonly ProbeSpec[]): boolean {
  return probes.some(({ kind }) => kind === 'ipc');
}

/** The app's output streams that go through the wrapper; the app inherits the others. */
export function watchedStreams(probes: readonly ProbeSpec[]): ReadonlySet<OutputStream> {
  return new Set(probes.flatMap((spec) => (spec.kind === 'log' ? spec.streams : [])));
}

/** The TCP port of this host on which the app itself must listen. */
export function awaitedPort(spec: ProbeSpec): number | undefined {
  if ('owner' in spec && spec.owner === 'any') return undefined;
  switch (spec.kind) {
    case 'tcp':
      return spec.port;
    case 'listen':
      return typeof spec.target === 'number' ? spec.target : undefined;
    case 'http':
      return spec.onThisHost ? httpPort(spec.url) : undefined;
    default:
      return undefined;
  }
}

export function httpPort({ port, protocol }: URL): number {
  return Number(port || (protocol === 'https:' ? 443 : 80));
}

/** Whether the owners of listening sockets matter: then the sockets from before the start must be known. */
export function tracesSockets(probes: readonly ProbeSpec[]): boolean {
  return probes.some((spec) => ('owner' in spec && spec.owner === 'app') || ['listen', 'auto'].includes(spec.kind));
}

/**
 * Whether any host is not a loopback address: only then node:dns is loaded, which takes longer than the rest to run.
 */
export function namesHosts(probes: readonly ProbeSpec[]): boolean {
  return probes.some((spec) => (spec.kind === 'tcp' || spec.kind === 'http') && !spec.hosts.every(isLoopback));
}

const LOOPBACK_ADDRESS = /^127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$|^::1$/;

/**
 * Whether it is a loopback address in its usual spelling. Another spelling (127.1), or a text that only looks like an
 * address (127.0.0.999), is left to name resolution.
 */
export function isLoopback(host: string): boolean {
  // the usual ones first: compiling the pattern takes longer than all other checks of a start
  return host === '127.0.0.1' || host === '::1' || LOOPBACK_ADDRESS.test(host);
}
