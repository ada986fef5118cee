/**
 * Who accepted a connection of ours. The kernel's tables have a row for its other end: the inode is 0 while it waits in
 * the backlog of the listener, and that of the acceptor's socket from accept(2) on (get_tcp4_sock in
 * net/ipv4/tcp_ipv4.c). A listener can be shared, by SO_REUSEPORT or because several processes were given it; an
 * accepted connection cannot.
 *
 * There is no quick way to one row: the kernel walks its hash table of connections from the start, whatever the place
 * in the file, and writes about 4 KB of rows at each read(2) (seq_read_iter in fs/seq_file.c). With 100,000
 * connections open, both ends on this host, all of it takes 0.4 s of a processor; with few, 4 ms. So it is read on
 * libuv's threads, and only if the kernel cannot be asked about one connection (sock-diag.ts).
 */
import { close, open, read } from 'node:fs';
import { canonicalHost, TCP_TABLES, type TcpTable } from './rows.ts';

/** The ends of a TCP connection as net.Socket names them. Keep them: a socket that was closed forgets them. */
export interface ConnectionEnds {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/**
 * - a number: it was accepted, and this is the inode of the acceptor's socket.
 * - `waiting`: nobody has accepted it yet.
 * - `closed`: it was accepted, and the acceptor has closed it since: who that was cannot be seen any more.
 * - `elsewhere`: its other end is not in this network namespace (a container, a proxy of the kernel's), or is gone.
 * - `hidden`: the tables cannot be read.
 */
export type Acceptor = number | 'waiting' | 'closed' | 'elsewhere' | 'hidden';

/** What is read at once, bytes: no less than the kernel gives, which is a page of memory. */
const PIECE = 64 * 1024;

/** More than any row is long, bytes. */
const ROW_MAX = 512;

/**
 * @param tables where to look, in order: one of them where it is known by its listener. An IPv4 connection to a
 * listener of both versions is in tcp6
 */
export async function acceptorOf(
  ends: ConnectionEnds,
  tables: readonly TcpTable[] = ends.remoteAddress.includes('.') ? TCP_TABLES : ['tcp6'],
): Promise<Acceptor> {
  let isHidden = true;
  // twice, as a row may be passed over while others come and go before it
  for (const table of [...tables, ...tables]) {
    try {
      const row = await findRow(table, Buffer.from(` ${beginningOfRow(ends, table)} `, 'latin1'));
      if (row !== undefined) return meaningOf(row);
      isHidden = false;
    } catch (error) {
      // a kernel without IPv6 has no tcp6
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return 'hidden';
    }
  }
  return isHidden ? 'hidden' : 'elsewhere';
}

/** The addresses of the row of the other end: its own first. */
function beginningOfRow({ localAddress, localPort, remoteAddress, remotePort }: ConnectionEnds, table: TcpTable) {
  return `${writtenEnd(remoteAddress, remotePort, table)} ${writtenEnd(localAddress, localPort, table)}`;
}

function writtenEnd(address: string, port: number, table: TcpTable): string {
  const bytes = bytesOf(canonicalHost(address), table);
  // each 32 bits as a number of the machine's own byte order
  const words = Array.from(new Uint32Array(bytes.buffer), (word) => hex(word, 8));
  return `${words.join('')}:${hex(port, 4)}`;
}

function bytesOf(address: string, table: TcpTable): Uint8Array {
  const bytes = addressBytes(address);
  return bytes.length === 16 || table === 'tcp' ? bytes : Uint8Array.of(...new Array(10).fill(0), 0xff, 0xff, ...bytes);
}

/** In the order of the network, 4 or 16. */
export function addressBytes(address: string): Uint8Array {
  if (!address.includes(':')) return new Uint8Array(address.split('.').map(Number));
  const [head = [], tail = []] = address.split('::').map((half) => half.split(':').filter(Boolean));
  const groups = [...head, ...new Array(8 - head.length - tail.length).fill('0'), ...tail];
  return new Uint8Array(
    groups.flatMap((group) => {
      const number = Number.parseInt(group, 16);
      return [number >> 8, number & 0xff];
    }),
  );
}

function hex(number: number, digits: number): string {
  return number.toString(16).toUpperCase().padStart(digits, '0');
}

/** The row from behind the two addresses on. Lines are not decoded: there may be a quarter of a million of them. */
async function findRow(table: TcpTable, sought: Uint8Array): Promise<string | undefined> {
  const fd = await new Promise<number>((resolve, reject) => {
    open(`/proc/self/net/${table}`, 'r', (error, opened) => (error ? reject(error) : resolve(opened)));
  });
  const buffer = Buffer.allocUnsafe(ROW_MAX + PIECE);
  /** What is kept from the last piece, as a row may be cut in two, bytes. */
  let kept = 0;
  // plain callbacks, as there may be seven thousand pieces
  return new Promise((resolve, reject) => {
    const settle = (error: Error | null, row?: string) => {
      close(fd, () => (error ? reject(error) : resolve(row)));
    };
    const next = () => {
      read(fd, buffer, kept, PIECE, null, (error, length) => {
        if (error || length === 0) return settle(error);
        const there = buffer.subarray(0, kept + length);
        const at = there.indexOf(sought);
        const end = at < 0 ? -1 : there.indexOf('\n', at);
        if (end >= 0) return settle(null, there.toString('latin1', at + sought.length, end));
        kept = Math.min(there.length, ROW_MAX);
        buffer.copyWithin(0, there.length - kept, there.length);
        next();
      });
    };
    next();
  });
}

/**
 * States of include/net/tcp_states.h in which nobody has closed the other end: ESTABLISHED, SYN_RECV, and CLOSE_WAIT
 * once we have closed ours.
 */
export const STILL_OPEN: ReadonlySet<number> = new Set([1, 3, 8]);

function meaningOf(row: string): Acceptor {
  const [state = '', , , , , , inode] = row.trim().split(/\s+/);
  if (inode !== '0') return Number(inode);
  return STILL_OPEN.has(Number.parseInt(state, 16)) ? 'waiting' : 'closed';
}
