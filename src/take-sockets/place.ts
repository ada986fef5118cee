/** The address of a TCP listener, and which passed socket fits the address that the app requests. */
import { canonicalHost, hostPort } from '../sockets/rows.ts';

export interface Place {
  /** An address: `127.0.0.1`, `::`. */
  readonly host: string;
  readonly port: number;
  /** For `::`: without IPv4 (IPV6_V6ONLY in ipv6(7)). */
  readonly ipv6Only?: boolean | undefined;
}

/** The address that the app passes to `listen()`. Without a host Node listens on `::`. */
export interface Asked extends Place {
  /** Whether the app wrote `localhost`, which means both loopback addresses. */
  readonly localhost?: boolean | undefined;
}

const LOOPBACKS = ['127.0.0.1', '::1'];

/**
 * The socket for the requested address: the same address if possible, else the widest, but never one that is wider than
 * requested.
 * @returns undefined if none fits
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

/** Whether the outer address also gets each connection that the inner one would get. */
export function covers(outer: Place, inner: Place): boolean {
  if (outer.port !== inner.port) return false;
  const [out, within] = [canonical(outer.host), canonical(inner.host)];
  if (out === '::') return !outer.ipv6Only || (within === '::' ? inner.ipv6Only === true : within.includes(':'));
  return out === within || (out === '0.0.0.0' && !within.includes(':'));
}

/** For messages and ListenStream= (systemd.socket(5)): `127.0.0.1:3000`, `[::]:3000`. */
export function nameOf({ host, port }: Place): string {
  return hostPort(host, port);
}

/** Keeps the zone of a link-local address, which is part of it. */
function canonical(host: string): string {
  return host.includes('%') ? host : canonicalHost(host);
}
