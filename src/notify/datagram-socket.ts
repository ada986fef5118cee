/** Asks about a datagram socket without an addon. */
import { accessSync, constants } from 'node:fs';
import { orElse } from '../base/or-else.ts';
import { procText } from '../base/proc.ts';

/** Of /proc/net/unix (proc(5)); 2 is SOCK_DGRAM. */
const DATAGRAM_ROW = /^\S+ \S+ \S+ \S+ 0002 \S+ +\d+ (.+)$/;

/**
 * Whether one is bound at that path that we may send to. False if the kernel does not list it: it is of another network
 * namespace (PrivateNetwork=), say, or was bound by another name.
 */
export function isDatagramSocketAt(path: string): boolean {
  const rows = (procText('self', 'net/unix') ?? '').split('\n').filter((row) => row.endsWith(` ${path}`));
  return (
    rows.some((row) => DATAGRAM_ROW.exec(row)?.[1] === path) &&
    orElse(() => {
      accessSync(path, constants.W_OK);
      return true;
    }, false)
  );
}
