/**
 * How many TCP sockets there are, as the kernel counts them for this network namespace: /proc/net/sockstat and
 * sockstat6 (proc(5)). A socket counts from listen(2) on, so while the numbers stand still nobody has begun to listen.
 * Reading them costs a tenth of a connect that is refused.
 */
import { openSync, readSync } from 'node:fs';
import { orElse } from '../../base/or-else.ts';
import { procText } from '../../base/proc.ts';
import { TCP_TABLES, type TcpTable } from '../../sockets/rows.ts';

/** Something to compare with an earlier answer, for each table of /proc/net. */
export type SocketsInUse = Readonly<Record<TcpTable, string>>;

const FILES: Record<TcpTable, string> = { tcp: 'net/sockstat', tcp6: 'net/sockstat6' };
/** A kernel without IPv6 has no second file, and no such sockets. */
const NONE = 'none';
const buffer = Buffer.alloc(512);
let descriptors: Readonly<Record<TcpTable, number | undefined>> | undefined;

/** @returns undefined where the kernel does not tell */
export function tcpSocketsInUse(): SocketsInUse | undefined {
  descriptors ??= { tcp: openIfThere(FILES.tcp), tcp6: openIfThere(FILES.tcp6) };
  if (descriptors.tcp === undefined) return undefined;
  return { tcp: inUse(descriptors.tcp), tcp6: inUse(descriptors.tcp6) };
}

/** The same, for one who asks once: no descriptors stay open. */
export function tcpSocketsInUseOnce(): SocketsInUse | undefined {
  const [tcp, tcp6] = TCP_TABLES.map((table) => procText('self', FILES[table]));
  return tcp === undefined ? undefined : { tcp: countIn(tcp), tcp6: tcp6 === undefined ? NONE : countIn(tcp6) };
}

/** The tables whose count stands where it stood; none where one of the answers is missing. */
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
