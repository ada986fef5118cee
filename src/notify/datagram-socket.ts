/** Checks for a datagram socket without an addon. */
import { accessSync, constants } from 'node:fs';
import { orElse } from '../base/or-else.ts';
import { procText } from '../base/proc.ts';

/** A row of /proc/net/unix (proc(5)); 2 is SOCK_DGRAM. */
const DATAGRAM_ROW = /^\S+ \S+ \S+ \S+ 0002 \S+ +\d+ (.+)$/;

/**
 * Whether a datagram socket is bound at `path` and the wrapper may send to it. False if the kernel does not list it,
 * e.g. because it is in another network namespace (PrivateNetwork=) or was bound with another path.
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
