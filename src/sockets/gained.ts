/**
 * Whether the app accepts connections of a Unix socket, if the kernel cannot be asked for the other end of one
 * (sock-diag.ts): it is connected to, and a connection that the app gains has the name of its listener in
 * /proc/net/unix. That is the name that the listener was bound under: this path, or one that is not there any more.
 */
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { orElse } from '../base/or-else.ts';
import { pause } from '../base/real-clock.ts';
import { unixConnections } from './tables.ts';

/** How often it is looked, and how long that is apart, ms. */
const LOOKS = 5;
const APART = 5;

/**
 * @param isHere whether another path is the same place
 * @param sockets the app's, by inode
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
    for (let look = 0; look < LOOKS; look += 1) {
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
