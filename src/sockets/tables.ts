/**
 * Reads listening sockets from the kernel's tables. The path is /proc/self/net, because ProcSubset=pid hides /proc/net
 * (systemd.exec(5)).
 *
 * Rows of listening sockets come first (tcp_get_idx in net/ipv4/tcp_ipv4.c). After the last of them the kernel walks
 * its hash table of connections. That takes milliseconds if there are few connections, and a tenth of a second if there
 * are 100,000 of the other IP version. It happens at each read(2) that begins the last row, because seq_read_iter in
 * fs/seq_file.c fetches the next row at once. So rows are read one by one, and no further than the inode of the wanted
 * row.
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

/** The read that begins a row, less than a row, bytes. */
const BEGINNING = 64;

/** How much of a row includes its inode and the space after it in almost all cases, bytes. A row is longer. */
const UP_TO_INODE: Readonly<Record<TcpTable, number>> = { tcp: 102, tcp6: 152 };

/** The size of a read on a thread, bytes. */
const BIG_PIECE = 16 * 1024;

/**
 * The listening sockets of a table, in its order. Stop once the wanted one was found.
 * @throws ENOENT if the table does not exist
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
      // the kernel already holds the rest of a row that was begun; a read of no more than that fetches no further row
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

/** The number of sockets in a table, listening or connected; Infinity if the kernel does not report it (proc(5)). */
function socketsInUse(table: TcpTable): number {
  const text = procText('self', table === 'tcp' ? 'net/sockstat' : 'net/sockstat6') ?? '';
  return Number(/^TCP6?: inuse (\d+)/m.exec(text)?.[1] ?? Number.POSITIVE_INFINITY);
}

/** The listening sockets of all tables, read on threads. A missing table counts as empty. */
export async function readAllTcpListeners(): Promise<readonly TcpListener[]> {
  return (await Promise.all(TCP_TABLES.map(readOnThread))).flat();
}

function readOnThread(table: TcpTable): Promise<readonly TcpListener[]> {
  return new Promise((resolve) => {
    const found: TcpListener[] = [];
    // an empty or fully read table is not read on: that would be a walk through the connections
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
  /** How many characters of a row without its inode have been read. */
  begun(): number;
  /** Takes the next piece of a table. Returns its listeners; `over` after the first row that is not a listener. */
  take(piece: string): { readonly listeners: readonly TcpListener[]; readonly over: boolean };
}

/** Reads one table from its beginning. Pieces may be cut anywhere. */
export function rowReader(): RowReader {
  let pending = '';
  /** Whether the row that `pending` begins is the heading, or was already returned. */
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

/** Whether it has the tenth word, which is the inode, and a space after it. */
function holdsInode(row: string): boolean {
  return row.trimStart().split(/\s+/, 11).length > 10;
}

/** The listening Unix sockets with a path. @throws ENOENT if the table does not exist */
export function unixListeners(): readonly UnixListener[] {
  return unixRows().flatMap((row) => parseUnixRow(row) ?? []);
}

/** The accepted connections of Unix sockets with a path, which is that of their listener. */
export function unixConnections(): readonly UnixListener[] {
  return unixRows().flatMap((row) => parseUnixConnection(row) ?? []);
}

function unixRows(): readonly string[] {
  return readFileSync('/proc/self/net/unix', 'utf8').split('\n');
}
