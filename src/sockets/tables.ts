/**
 * Reads the kernel's tables of sockets for what listens. /proc/self/net, as /proc/net is hidden by ProcSubset=pid
 * (systemd.exec(5)).
 *
 * The rows of listening sockets come first (tcp_get_idx in net/ipv4/tcp_ipv4.c). Behind the last of them the kernel
 * walks its hash table of connections, which takes milliseconds where there are few, and a tenth of a second where a
 * hundred thousand of them are of the other version of IP. It does so once for each read(2) that begins a row, when
 * that row is the last (seq_read_iter in fs/seq_file.c looks for the next one at once). So rows are read one by one,
 * and no further than to the inode of the one that is wanted.
 */
import { closeSync, openSync, read, readFileSync, readSync } from 'node:fs';
import { procText } from '../base/proc.ts';
import {
  parseTcpRow,
  parseUnixConnection,
  parseUnixRow,
  TCP_TABLES,
  type TcpListener,
  type TcpTable,
  type UnixListener,
} from './rows.ts';

/** Less than a row: what is read to begin one, bytes. */
const BEGINNING = 64;

/** So many bytes of a row hold its inode, with the space behind it, in all but the oddest cases; a row is longer. */
const UP_TO_INODE: Readonly<Record<TcpTable, number>> = { tcp: 102, tcp6: 152 };

/** What the thread that reads ahead takes at once, bytes. */
const BIG_PIECE = 16 * 1024;

/**
 * The listening sockets of a table, in its order. Stop early where the one that is wanted was found.
 * @throws where there is no such table: ENOENT
 */
export function* tcpListeners(table: TcpTable): Generator<TcpListener> {
  let left = socketsInUse(table);
  if (left === 0) return;
  const fd = openSync(`/proc/self/net/${table}`, 'r');
  try {
    const buffer = Buffer.allocUnsafe(UP_TO_INODE[table]);
    const rows = rowReader();
    for (;;) {
      const begun = rows.begun();
      // the rest of a row that was begun is there already, and reading no more than that makes the kernel look for no
      // other
      const wanted = 0 < begun && begun < UP_TO_INODE[table] ? UP_TO_INODE[table] - begun : BEGINNING;
      const length = readSync(fd, buffer, 0, wanted, null);
      const { listeners, over } = rows.take(buffer.toString('latin1', 0, length));
      yield* listeners;
      left -= listeners.length;
      if (over || left <= 0 || length === 0) return;
    }
  } finally {
    closeSync(fd);
  }
}

/**
 * How many sockets of that table there are, listening or connected; Infinity where the kernel does not tell (proc(5)).
 */
function socketsInUse(table: TcpTable): number {
  const text = procText('self', table === 'tcp' ? 'net/sockstat' : 'net/sockstat6') ?? '';
  return Number(/^TCP6?: inuse (\d+)/m.exec(text)?.[1] ?? Number.POSITIVE_INFINITY);
}

/** The same for all tables, on a thread. Those that are not there are empty. */
export async function readAllTcpListeners(): Promise<readonly TcpListener[]> {
  return (await Promise.all(TCP_TABLES.map(readOnThread))).flat();
}

function readOnThread(table: TcpTable): Promise<readonly TcpListener[]> {
  return new Promise((resolve) => {
    const found: TcpListener[] = [];
    // to open the table and to read on behind its last listener are a walk each
    const all = socketsInUse(table);
    if (all === 0) return resolve(found);
    let fd: number;
    try {
      fd = openSync(`/proc/self/net/${table}`, 'r');
    } catch {
      resolve(found);
      return;
    }
    const buffer = Buffer.allocUnsafe(BIG_PIECE);
    const rows = rowReader();
    const next = () => {
      read(fd, buffer, 0, BIG_PIECE, null, (error, length) => {
        const { listeners, over } = rows.take(buffer.toString('latin1', 0, error ? 0 : length));
        found.push(...listeners);
        if (!error && !over && length > 0 && found.length < all) return next();
        closeSync(fd);
        resolve(found);
      });
    };
    next();
  });
}

interface RowReader {
  /** How much there is of a row whose end, or whose inode, is still to come. */
  begun(): number;
  /** Takes the next piece of a table: gives the listeners in it, and tells when a row came that does not listen. */
  take(piece: string): { readonly listeners: readonly TcpListener[]; readonly over: boolean };
}

/** Of one table, from its beginning, in pieces cut anywhere. */
export function rowReader(): RowReader {
  let pending = '';
  /** The row that `pending` begins is the heading, or was given already. */
  let skipped = true;
  return {
    begun: () => (skipped ? 0 : pending.length),
    take(piece) {
      const rows = (pending + piece).split('\n');
      pending = rows.pop() as string;
      if (rows.length > 0) {
        if (skipped) rows.shift();
        skipped = false;
      }
      if (!skipped && holdsInode(pending)) {
        rows.push(pending);
        skipped = true;
      }
      const listeners: TcpListener[] = [];
      for (const row of rows) {
        const listener = parseTcpRow(row);
        if (!listener) return { listeners, over: true };
        listeners.push(listener);
      }
      return { listeners, over: false };
    },
  };
}

/** Whether the tenth of its words, and a space behind that, have come. */
function holdsInode(row: string): boolean {
  return row.trimStart().split(/\s+/, 11).length > 10;
}

/** The listening Unix sockets that have a name. @throws where there is no such table: ENOENT */
export function unixListeners(): readonly UnixListener[] {
  return unixRows().flatMap((row) => parseUnixRow(row) ?? []);
}

/** Those that are connected and have a name: that of the listener, on the side that accepted. */
export function unixConnections(): readonly UnixListener[] {
  return unixRows().flatMap((row) => parseUnixConnection(row) ?? []);
}

function unixRows(): readonly string[] {
  return readFileSync('/proc/self/net/unix', 'utf8').split('\n');
}
