/**
 * The kernel's count of TCP sockets in this network namespace: /proc/net/sockstat and sockstat6 (proc(5)). A socket
 * counts from listen(2) on, so while the counts do not change, no process has begun to listen. Reading them costs a
 * tenth of a refused connect.
 */
import { openSync, readSync } from 'node:fs';
import { orElse } from '../../base/or-else.ts';
import { procText } from '../../base/proc.ts';
import { TCP_TABLES, type TcpTable } from '../../sockets/rows.ts';

/** For each table of /proc/net a text to compare with an earlier one. */
export type SocketsInUse = Readonly<Record<TcpTable, string>>;

const FILES: Record<TcpTable, string> = { tcp: 'net/sockstat', tcp6: 'net/sockstat6' };
/** For a kernel without IPv6, which has no second file. */
const NONE = 'none';
const buffer = Buffer.alloc(512);
let descriptors: Readonly<Record<TcpTable, number | undefined>> | undefined;

/** Keeps its descriptors open. @returns undefined if the kernel does not report the counts */
export function tcpSocketsInUse(): SocketsInUse | undefined {
  descriptors ??= { tcp: openIfThere(FILES.tcp), tcp6: openIfThere(FILES.tcp6) };
  if (descriptors.tcp === undefined) return undefined;
  return { tcp: inUse(descriptors.tcp), tcp6: inUse(descriptors.tcp6) };
}

/** The same for a single read: no descriptors stay open. */
export function tcpSocketsInUseOnce(): SocketsInUse | undefined {
  const [tcp, tcp6] = TCP_TABLES.map((table) => procText('self', FILES[table]));
  return tcp === undefined ? undefined : { tcp: countIn(tcp), tcp6: tcp6 === undefined ? NONE : countIn(tcp6) };
}

/** The tables whose count is the same in both; none if one of them is missing. */
export function unchangedTables(now: SocketsInUse | undefined, then: SocketsInUse | undefined): readonly TcpTable[] {
  if (!now || !then) return [];
  return TCP_TABLES.filter((table) => now[table] === then[table]);
}

function openIfThere(file: string): number | undefined {
  return orElse(() => openSync(`/proc/self/${file}`, 'r'), undefined);
}

function inUse(fd: number | undefined): string {
  if (fd === undefined) return NONE;
  return countIn(buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0)));
}

function countIn(text: string): string {
  return /^TCP6?: inuse \d+/m.exec(text)?.[0] ?? text;
}
