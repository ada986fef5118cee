/**
 * Reads the kernel's tables of sockets for what listens. /proc/self/net, as /proc/net is hidden by ProcSubset=pid
 * (systemd.exec(5)).
 *
 * The rows of listening sockets come first (tcp_get_idx in net/ipv4/tcp_ipv4.c). Behind the last of them the kernel
 * walks its hash table of connections, which takes milliseconds where there are few, and there may be a hundred
 * thousand of them: so rows are read one by one, up to the first that does not listen.
 */
import { closeSync, openSync, read, readFileSync, readSync } from 'node:fs';
import {
  parseTcpRow,
  parseUnixRow,
  TCP_TABLES,
  type TcpListener,
  type TcpTable,
  type UnixListener,
} from '../core/socket-table.ts';

/** Less than a row, so that each read brings one row and the kernel looks for one more. Bytes. */
const PIECE = 128;

/** What the thread that reads ahead takes at once, bytes. */
const BIG_PIECE = 16 * 1024;

/**
 * The listening sockets of a table, in its order. Stop early where the one that is wanted was found.
 * @throws where there is no such table: ENOENT
 */
export function* tcpListeners(table: TcpTable): Generator<TcpListener> {
  const fd = openSync(`/proc/self/net/${table}`, 'r');
  try {
    const buffer = Buffer.allocUnsafe(PIECE);
    const rows = rowReader();
    for (;;) {
      const length = readSync(fd, buffer, 0, PIECE, null);
      const { listeners, over } = rows(buffer.toString('latin1', 0, length));
      yield* listeners;
      if (over || length === 0) return;
    }
  } finally {
    closeSync(fd);
  }
}

/** The same for all tables, on a thread. Those that are not there are empty. */
export async function readAllTcpListeners(): Promise<readonly TcpListener[]> {
  return (await Promise.all(TCP_TABLES.map(readOnThread))).flat();
}

function readOnThread(table: TcpTable): Promise<readonly TcpListener[]> {
  return new Promise((resolve) => {
    const found: TcpListener[] = [];
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
        const { listeners, over } = rows(buffer.toString('latin1', 0, error ? 0 : length));
        found.push(...listeners);
        if (!error && !over && length > 0) return next();
        closeSync(fd);
        resolve(found);
      });
    };
    next();
  });
}

/** Takes pieces of a table, gives the listeners of its whole rows, and tells when a row came that does not listen. */
function rowReader(): (piece: string) => { readonly listeners: readonly TcpListener[]; readonly over: boolean } {
  let pending = '';
  let heading = true;
  return (piece) => {
    const rows = (pending + piece).split('\n');
    pending = rows.pop() as string;
    const listeners: TcpListener[] = [];
    for (const row of rows) {
      const listener = heading ? undefined : parseTcpRow(row);
      if (listener) listeners.push(listener);
      else if (!heading) return { listeners, over: true };
      heading = false;
    }
    return { listeners, over: false };
  };
}

/** The listening Unix sockets that have a name. @throws where there is no such table: ENOENT */
export function unixListeners(): readonly UnixListener[] {
  return readFileSync('/proc/self/net/unix', 'utf8')
    .split('\n')
    .flatMap((row) => parseUnixRow(row) ?? []);
}
