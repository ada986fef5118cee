/**
 * How many TCP sockets there are, as the kernel counts them for this network namespace: /proc/net/sockstat and sockstat6
 * (proc(5)). A socket counts from listen(2) on, so while the numbers stand still nobody has begun to listen. Reading
 * them costs a tenth of a connect that is refused.
 */
import { openSync, readSync } from 'node:fs';

const files = ['/proc/self/net/sockstat', '/proc/self/net/sockstat6'];
const buffer = Buffer.alloc(512);
let descriptors: readonly number[] | undefined;

/** @returns something to compare with the last answer; undefined where the kernel does not tell */
export function tcpSocketsInUse(): string | undefined {
  try {
    descriptors ??= files.map((file) => openSync(file, 'r'));
    return descriptors.map(inUse).join(' ');
  } catch {
    return undefined;
  }
}

function inUse(fd: number): string {
  const text = buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0));
  return /^TCP6?: inuse \d+/m.exec(text)?.[0] ?? text;
}
