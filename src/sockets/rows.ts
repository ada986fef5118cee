/**
 * Parses rows of the kernel's socket tables: /proc/net/tcp, tcp6 and unix (proc(5),
 * https://docs.kernel.org/networking/proc_net_tcp.html).
 */

/** Names of files in /proc/net. */
export type TcpTable = 'tcp' | 'tcp6';

export const TCP_TABLES: readonly TcpTable[] = ['tcp', 'tcp6'];

export interface TcpListener {
  /** Without brackets: `127.0.0.1`, `::1`, `::`. */
  readonly host: string;
  readonly port: number;
  readonly inode: number;
  /** The user who created the socket. */
  readonly uid: number;
}

export interface UnixListener {
  /** The path to which it was bound; @name for an abstract socket. */
  readonly path: string;
  readonly inode: number;
}

/** TCP_LISTEN of include/net/tcp_states.h. */
const LISTEN = '0A';

/** __SO_ACCEPTCON of include/uapi/linux/net.h: listen(2) was called. */
const ACCEPTS = 0x10000;

/** @returns undefined if the row is not a listening socket */
export function parseTcpRow(row: string): TcpListener | undefined {
  const [, local = '', , state, , , , uid, , inode] = row.trim().split(/\s+/);
  if (state !== LISTEN) return undefined;
  const [address = '', port = ''] = local.split(':');
  return {
    host: parseAddress(address),
    port: Number.parseInt(port, 16),
    inode: Number(inode),
    uid: Number(uid),
  };
}

/** @returns undefined if the row is not a listening socket with a path */
export function parseUnixRow(row: string): UnixListener | undefined {
  const named = namedUnixRow(row);
  return named?.accepts ? { inode: named.inode, path: named.path } : undefined;
}

/** An accepted connection has the path of its listener. @returns undefined for a listener, or without a path */
export function parseUnixConnection(row: string): UnixListener | undefined {
  const named = namedUnixRow(row);
  return named && !named.accepts ? { inode: named.inode, path: named.path } : undefined;
}

function namedUnixRow(row: string) {
  const match = /^\S+ \S+ \S+ ([\dA-F]+) \S+ \S+ +(\d+) (.+)$/s.exec(row);
  if (!match) return undefined;
  const accepts = (Number.parseInt(match[1] as string, 16) & ACCEPTS) !== 0;
  return { accepts, inode: Number(match[2]), path: withoutFilling(match[3] as string) };
}

/** The size of sun_path, unix(7). */
const SUN_PATH = 108;

/**
 * libuv before 1.48 (Node 20) pads an abstract name with zero bytes (https://github.com/libuv/libuv/pull/4266), which
 * the kernel prints as @.
 */
function withoutFilling(path: string): string {
  const isFilled = path.startsWith('@') && new TextEncoder().encode(path).length === SUN_PATH;
  return isFilled ? path.replace(/@+$/, '') : path;
}

/**
 * The listeners that get a connection to that address: those bound to it, else those bound to all addresses of its
 * family, else, for IPv4, those bound to `::`, which accept IPv4 too (ipv6(7), IPV6_V6ONLY). Several listeners share an
 * address by SO_REUSEPORT.
 */
export function acceptorsOf(listeners: readonly TcpListener[], host: string): readonly TcpListener[] {
  const wanted = canonicalHost(host);
  const anyHost = wanted.includes(':') ? ['::'] : ['0.0.0.0', '::'];
  for (const bound of [wanted, ...anyHost]) {
    const found = listeners.filter((listener) => listener.host === bound);
    if (found.length > 0) return found;
  }
  return [];
}

/** One spelling for each IP address: without a zone, and IPv4-mapped IPv6 as IPv4. */
export function canonicalHost(host: string): string {
  if (!host.includes(':')) return host;
  const short = new URL(`http://[${host.replace(/%.*/, '')}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(short);
  if (!mapped) return short;
  const [high = 0, low = 0] = mapped.slice(1).map((part) => Number.parseInt(part, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** As in a URL: `127.0.0.1:80`, `[::1]:80`. */
export function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The kernel prints each 32 bits of an address as a number in the machine's byte order. */
function parseAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => {
    const parts = (word.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
    return LITTLE_ENDIAN ? parts.reverse() : parts;
  });
  if (bytes.length === 4) return bytes.join('.');
  const groups = [];
  for (let index = 0; index < 16; index += 2) {
    groups.push((((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0)).toString(16));
  }
  return canonicalHost(groups.join(':'));
}

export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
