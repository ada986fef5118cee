/** A directory for files of ours that no other user can change, or put something else in the place of. */
import { closeSync, constants, fchmodSync, mkdtempSync, openSync, realpathSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface PrivateDirectory {
  readonly path: string;
  /** With all that is in it. */
  remove(): void;
}

/**
 * @param parent where to make it
 * @throws with a `code` (EACCES, ENOSPC) or a message, where there is none to be had
 */
export function makePrivateDirectory(parent: string): PrivateDirectory {
  refuseChangeable(parent);
  // 0700, mkdtemp(3)
  const path = withUmask(0o077, () => mkdtempSync(join(parent, 'sd-ready-wrap-')));
  const remove = () => {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // the app may have been given what is above it, or it is gone with the unit's RuntimeDirectory=
    }
  };
  try {
    // the app may give up root, and has to get through all the same; nobody else can list it
    if (isRoot()) setMode(path, 0o711);
  } catch (error) {
    remove();
    throw error;
  }
  return { path, remove };
}

/** A socket for our user alone; of root's for all, as the app may give up root: who may find it decides then. */
const SOCKET_UMASK = { root: 0o111, other: 0o177 };

/** Binds a socket, which gets its mode from the umask: to change the mode by its path later is a race (bind(2)). */
export function withSocketUmask<T>(bind: () => T): T {
  return withUmask(isRoot() ? SOCKET_UMASK.root : SOCKET_UMASK.other, bind);
}

/** Whatever the unit's UMask= says: 0777 would close to us what we have just made. */
export function withUmask<T>(mask: number, act: () => T): T {
  const before = process.umask(mask);
  try {
    return act();
  } finally {
    process.umask(before);
  }
}

export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** Never through a link. */
function setMode(path: string, mode: number): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}

/**
 * For root alone: another user who may rename a directory on the way can lead a file operation of root's elsewhere. In
 * one with the sticky bit, as /tmp, only the owner of a file may rename it (inode(7)).
 * @throws where another user may change the directory, or one above it
 */
export function refuseChangeable(directory: string): void {
  if (!isRoot()) return;
  for (let each = realpathSync(directory); ; each = dirname(each)) {
    const { uid, mode } = statSync(each);
    if (uid !== 0) throw new Error(`not safe for root: ${each} belongs to uid ${uid}`);
    if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0) {
      throw new Error(`not safe for root: other users may write to ${each}, which has no sticky bit`);
    }
    if (dirname(each) === each) return;
  }
}
