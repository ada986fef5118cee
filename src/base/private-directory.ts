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
  if (isRoot()) refuseChangeable(realpathSync(parent));
  const path = mkdtempSync(join(parent, 'sd-ready-wrap-'));
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
 * Another user who may rename a directory on the way can lead a file operation of root's elsewhere. In one with the
 * sticky bit, as /tmp, only the owner of a file may rename it (inode(7)).
 */
function refuseChangeable(directory: string): void {
  const { uid, mode } = statSync(directory);
  const others = mode & 0o022 && !(mode & 0o1000);
  if (uid !== 0 || others) {
    const why = uid === 0 ? 'others may write to it, and it has no sticky bit' : `it belongs to uid ${uid}`;
    throw new Error(`not safe for root: ${why}`);
  }
  if (dirname(directory) !== directory) refuseChangeable(dirname(directory));
}
