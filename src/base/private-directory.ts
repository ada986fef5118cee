/** A directory whose files no other user can change or replace. */
import { closeSync, constants, fchmodSync, mkdtempSync, openSync, realpathSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface PrivateDirectory {
  readonly path: string;
  /** Removes the directory and its files. */
  remove(): void;
}

/** @throws an error with a `code` (EACCES, ENOSPC) or a message if it cannot be made */
export function makePrivateDirectory(parent: string): PrivateDirectory {
  refuseChangeable(parent);
  // 0700, mkdtemp(3)
  const path = withUmask(0o077, () => mkdtempSync(join(parent, 'sd-ready-wrap-')));
  const remove = () => {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // the app may own the parent directory now, or systemd has removed the unit's RuntimeDirectory=
    }
  };
  try {
    // an app that drops root still needs access to files in it; other users cannot list it
    if (isRoot()) setMode(path, 0o711);
  } catch (error) {
    remove();
    throw error;
  }
  return { path, remove };
}

/** Only the same user may use the socket. For root all may, as the app may drop root: the path is then the secret. */
const SOCKET_UMASK = { root: 0o111, other: 0o177 };

/** Binds a socket, whose mode comes from the umask (bind(2)): changing the mode by its path later is a race. */
export function withSocketUmask<T>(bind: () => T): T {
  return withUmask(isRoot() ? SOCKET_UMASK.root : SOCKET_UMASK.other, bind);
}

/** Independent of the unit's UMask=: with 0777 the wrapper could not access its own files. */
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

/** Does not follow a symbolic link. */
function setMode(path: string, mode: number): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}

/**
 * Only for root: a user who may rename a directory of the path can redirect root's file operations. In a directory with
 * the sticky bit, such as /tmp, only the owner may rename a file (inode(7)).
 * @throws if another user may change the directory, or one above it
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
