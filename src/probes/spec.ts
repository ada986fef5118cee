/** What each probe option asks for, as data. `probes/index.ts` makes a probe of each. */
import type { OutputStream } from '../app/types.ts';

/** Whose listening socket counts: the app's own, or anybody's. */
export type SocketOwner = 'app' | 'any';

/** A range of HTTP statuses, both ends within. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** `written` is what the operator wrote and where, for an error that shows only later: `--tcp nohost:80`. */
export type ProbeSpec =
  /** Any of the hosts that answers is enough. */
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
      /** Addresses of the URL's host, once it was looked up. */
      readonly hosts: readonly string[];
      /** Whether they are this host's own, so that it can be seen who answers. */
      readonly onThisHost: boolean;
      readonly statuses: readonly StatusRange[];
      readonly headers: readonly (readonly [name: string, value: string])[];
      /** Whether a certificate that nobody vouches for is good enough. */
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
  /**
   * What counts when no probe is named: READY=1 from the app, where it can be heard, or its first listening TCP socket.
   */
  | { readonly kind: 'auto'; readonly notify: boolean };

const ASKED: ReadonlySet<ProbeSpec['kind']> = new Set(['tcp', 'listen', 'unix', 'http', 'file', 'exec']);

/**
 * Whether it asks, and so can be asked again: whether the app is well, or has reloaded. The others wait to be told. Of
 * auto it is known only later which of the two it is.
 */
export function canBeAskedAgain({ kind }: ProbeSpec): boolean {
  return ASKED.has(kind);
}

/** Whether the app gets a Node IPC channel. */
export function hasIpc(probes: readonly ProbeSpec[]): boolean {
  return probes.some(({ kind }) => kind === 'ipc');
}

/** Which of the app's output streams are watched: those go through the wrapper, the others are inherited untouched. */
export function watchedStreams(probes: readonly ProbeSpec[]): ReadonlySet<OutputStream> {
  return new Set(probes.flatMap((spec) => (spec.kind === 'log' ? spec.streams : [])));
}

/** The TCP port of this host on which the app itself is awaited. */
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

/** Whether the owners of listening sockets matter: what was there before the app has to be known then. */
export function tracesSockets(probes: readonly ProbeSpec[]): boolean {
  return probes.some((spec) => ('owner' in spec && spec.owner === 'app') || ['listen', 'auto'].includes(spec.kind));
}

/**
 * Whether any host is more than a loopback address: to look at it, node:dns takes longer to load than the rest to run.
 */
export function namesHosts(probes: readonly ProbeSpec[]): boolean {
  return probes.some((spec) => (spec.kind === 'tcp' || spec.kind === 'http') && !spec.hosts.every(isLoopback));
}

const LOOPBACK_ADDRESS = /^127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$|^::1$/;

/**
 * In its usual spelling. Another one (127.1), and what only looks like one (127.0.0.999), is for whoever resolves
 * names.
 */
export function isLoopback(host: string): boolean {
  // the usual ones first, as the pattern takes longer to compile than the rest of a start's checks
  return host === '127.0.0.1' || host === '::1' || LOOPBACK_ADDRESS.test(host);
}
