/**
 * Finds out whether the app accepts connections of a Unix socket if netlink cannot be used (sock-diag.ts). It connects:
 * if the app accepts, a new connection of the app appears in /proc/net/unix, with the path to which the listener was
 * bound. That is the probed path, or a path that no longer exists.
 */
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { orElse } from '../base/or-else.ts';
import { pause } from '../base/real-clock.ts';
import { unixConnections } from './tables.ts';

/** The number of checks, and the time before each, ms. */
const CHECKS = 5;
const APART = 5;

/**
 * @param isHere whether another path leads to the same socket
 * @param sockets the app's current sockets, by inode
 * @returns the inode of the accepted connection
 */
export async function acceptedByGain(
  path: string,
  isHere: (name: string) => boolean,
  sockets: () => ReadonlyMap<number, unknown>,
): Promise<number | 'waiting'> {
  const before = sockets();
  const connection = connect(path.startsWith('@') ? `\0${path.slice(1)}` : path)
    .on('error', () => {})
    .resume();
  try {
    for (let check = 0; check < CHECKS; check += 1) {
      await pause(APART);
      const now = sockets();
      const gained = orElse(unixConnections, []).find(
        ({ inode, path: name }) => now.has(inode) && !before.has(inode) && (isHere(name) || !existsSync(name)),
      );
      if (gained) return gained.inode;
    }
    return 'waiting';
  } finally {
    connection.end();
  }
}
