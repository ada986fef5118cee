/**
 * Finds the process that accepted a connection of ours. The kernel's tables have a row for the connection's other end.
 * Its inode is 0 while the connection waits in the listener's backlog; after accept(2) it is the inode of the
 * acceptor's socket (get_tcp4_sock in net/ipv4/tcp_ipv4.c). Several processes can share a listener, by SO_REUSEPORT or
 * because they inherited it; an accepted connection has one owner.
 *
 * Finding one row is slow: the kernel walks its hash table of connections from the start, wherever the file is read,
 * and returns about 4 KB of rows per read(2) (seq_read_iter in fs/seq_file.c). With 100,000 connections open, both ends
 * on this host, reading the whole file takes 0.4 s of CPU; with few, 4 ms. So it is read on libuv's threads, and only
 * if netlink cannot be used (sock-diag.ts).
 */
import { close, open, read } from 'node:fs';
import { canonicalHost, TCP_TABLES, type TcpTable } from './rows.ts';

/** The ends of a TCP connection, named as in net.Socket. Copy them: a closed socket has lost them. */
export interface ConnectionEnds {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/**
 * - a number: the inode of the acceptor's socket.
 * - `waiting`: no process has accepted it yet.
 * - `closed`: the acceptor has already closed it, so that the process can no longer be found.
 * - `elsewhere`: its other end is not in this network namespace (a container, a proxy in the kernel), or is gone.
 * - `hidden`: the tables cannot be read.
 */
export type Acceptor = number | 'waiting' | 'closed' | 'elsewhere' | 'hidden';

/** The size of a read, bytes: at least what the kernel returns at once, which is a page of memory. */
const PIECE = 64 * 1024;

/** Longer than any row, bytes. */
const ROW_MAX = 512;

/**
 * @param tables the tables to search, in order. An IPv4 connection to a listener of both IP versions is in tcp6
 * @returns never rejects: a table that cannot be read is `hidden`
 */
export async function acceptorOf(
  ends: ConnectionEnds,
  tables: readonly TcpTable[] = ends.remoteAddress.includes('.') ? TCP_TABLES : ['tcp6'],
): Promise<Acceptor> {
  let isHidden = true;
  // twice: the kernel may skip a row while rows before it come and go
  for (const table of [...tables, ...tables]) {
    try {
      const row = await findRow(table, Buffer.from(` ${rowStart(ends, table)} `, 'latin1'));
      if (row !== undefined) return parseAcceptor(row);
      isHidden = false;
    } catch (error) {
      // a kernel without IPv6 has no tcp6
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return 'hidden';
    }
  }
  return isHidden ? 'hidden' : 'elsewhere';
}

/** The two addresses in the row of the other end: its own first. */
function rowStart({ localAddress, localPort, remoteAddress, remotePort }: ConnectionEnds, table: TcpTable) {
  return `${formatEnd(remoteAddress, remotePort, table)} ${formatEnd(localAddress, localPort, table)}`;
}

function formatEnd(address: string, port: number, table: TcpTable): string {
  const bytes = bytesOf(canonicalHost(address), table);
  // the kernel prints each 32 bits as a number in the machine's byte order
  const words = Array.from(new Uint32Array(bytes.buffer), (word) => hex(word, 8));
  return `${words.join('')}:${hex(port, 4)}`;
}

function bytesOf(address: string, table: TcpTable): Uint8Array {
  const bytes = addressBytes(address);
  return bytes.length === 16 || table === 'tcp' ? bytes : Uint8Array.of(...new Array(10).fill(0), 0xff, 0xff, ...bytes);
}

/** @returns 4 or 16 bytes in network order */
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

/** @returns the row after the two addresses. Lines are not decoded: there may be a quarter of a million of them */
async function findRow(table: TcpTable, sought: Uint8Array): Promise<string | undefined> {
  const fd = await new Promise<number>((resolve, reject) => {
    open(`/proc/self/net/${table}`, 'r', (error, opened) => (error ? reject(error) : resolve(opened)));
  });
  const buffer = Buffer.allocUnsafe(ROW_MAX + PIECE);
  /** How much of the last piece is kept, because a row may be cut in two, bytes. */
  let kept = 0;
  // plain callbacks, because there may be seven thousand pieces
  return new Promise((resolve, reject) => {
    const settle = (error: Error | null, row?: string) => {
      close(fd, () => (error ? reject(error) : resolve(row)));
    };
    const next = () => {
      read(fd, buffer, kept, PIECE, null, (error, length) => {
        if (error || length === 0) return settle(error);
        const bytes = buffer.subarray(0, kept + length);
        const at = bytes.indexOf(sought);
        const end = at < 0 ? -1 : bytes.indexOf('\n', at);
        if (end >= 0) return settle(null, bytes.toString('latin1', at + sought.length, end));
        kept = Math.min(bytes.length, ROW_MAX);
        buffer.copyWithin(0, bytes.length - kept, bytes.length);
        next();
      });
    };
    next();
  });
}

/**
 * States of include/net/tcp_states.h in which the other end is not closed: ESTABLISHED, SYN_RECV, and CLOSE_WAIT after
 * we closed ours.
 */
export const STILL_OPEN: ReadonlySet<number> = new Set([1, 3, 8]);

function parseAcceptor(row: string): Acceptor {
  const [state = '', , , , , , inode] = row.trim().split(/\s+/);
  if (inode !== '0') return Number(inode);
  return STILL_OPEN.has(Number.parseInt(state, 16)) ? 'waiting' : 'closed';
}
