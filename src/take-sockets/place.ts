/** Where a TCP socket listens, and whether a socket that systemd passed will do for what the app asks for. */
import { canonicalHost, hostPort } from '../sockets/rows.ts';

export interface Place {
  /** An address: `127.0.0.1`, `::`. */
  readonly host: string;
  readonly port: number;
  /** Of `::`: without IPv4 (IPV6_V6ONLY in ipv6(7)). */
  readonly ipv6Only?: boolean | undefined;
}

/** What the app gives to `listen()`. Without a host Node listens on `::`. */
export interface Asked extends Place {
  /** The host was written `localhost`, which is both loopback addresses. */
  readonly localhost?: boolean | undefined;
}

const LOOPBACKS = ['127.0.0.1', '::1'];

/**
 * The socket for what the app asks for, never one that is wider: the same place if it is there, else the widest.
 * @returns undefined if none will do
 */
export function choose<S extends Place>(sockets: readonly S[], asked: Asked): S | undefined {
  const fitting = sockets.filter((socket) => fits(socket, asked));
  return (
    fitting.find((socket) => covers(socket, asked)) ??
    fitting.find(({ host }) => host === '::' || host === '0.0.0.0') ??
    fitting[0]
  );
}

function fits(socket: Place, asked: Asked): boolean {
  if (covers(asked, socket)) return true;
  return asked.localhost === true && asked.port === socket.port && LOOPBACKS.includes(canonical(socket.host));
}

/** Whether each connection that the inner one would get is one for the outer too. */
export function covers(outer: Place, inner: Place): boolean {
  if (outer.port !== inner.port) return false;
  const [out, within] = [canonical(outer.host), canonical(inner.host)];
  if (out === '::') return !outer.ipv6Only || (within === '::' ? inner.ipv6Only === true : within.includes(':'));
  return out === within || (out === '0.0.0.0' && !within.includes(':'));
}

/** For people, and for ListenStream= (systemd.socket(5)): `127.0.0.1:3000`, `[::]:3000`. */
export function nameOf({ host, port }: Place): string {
  return hostPort(host, port);
}

/** A link-local address is one only with its zone. */
function canonical(host: string): string {
  return host.includes('%') ? host : canonicalHost(host);
}
