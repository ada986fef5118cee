/** Whose a socket may be by its user, where the descriptors of the app's processes are hidden from us. */
import { readFileSync, statSync } from 'node:fs';

/** `perhaps`: it may as well be another program's. */
export type Likeness = 'app' | 'perhaps' | 'other';

/**
 * @param hidden processes of the app
 * @param uid who made the socket; undefined where that is not known
 */
export function likenessOf(hidden: readonly number[], uid: number | undefined): Likeness {
  if (uid === undefined) return 'perhaps';
  if (hidden.some((pid) => usersOf(pid).includes(uid))) return 'app';
  if (uid !== process.getuid?.()) return 'other';
  // from before they changed their user; root's there are many of on a host
  return uid === 0 ? 'perhaps' : 'app';
}

/** Who made a Unix socket, as far as its file tells; an abstract one has none. */
export function userOfPath(path: string): number | undefined {
  try {
    return path.startsWith('@') ? undefined : statSync(path).uid;
  } catch {
    return undefined;
  }
}

/** Real, effective, saved and of the file system (proc(5)). */
function usersOf(pid: number): readonly number[] {
  try {
    const line = /^Uid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '';
    return line.split('\t').map(Number);
  } catch {
    return [];
  }
}
