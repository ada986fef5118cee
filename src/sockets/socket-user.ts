/** Guesses the owner of a socket by its user, if the descriptors of the app's processes are hidden. */
import { statSync } from 'node:fs';
import { orElse } from '../base/or-else.ts';
import { procText } from '../base/proc.ts';

/** `perhaps`: it may also be another program's. */
export type Guess = 'app' | 'perhaps' | 'other';

/**
 * @param hidden pids of the app's processes whose descriptors are hidden
 * @param uid the user who created the socket; undefined if unknown
 */
export function guessByUser(hidden: readonly number[], uid: number | undefined): Guess {
  if (uid === undefined) return 'perhaps';
  const own = process.getuid?.();
  // the app may have opened it before it changed its user; of root's sockets, a host has too many for that conclusion
  if (uid === own && uid !== 0) return 'app';
  const users = hidden.map(usersOf);
  if (users.some((each) => each?.includes(uid))) return 'app';
  return uid === own || users.includes(undefined) ? 'perhaps' : 'other';
}

/** The user who owns the file of a Unix socket; undefined for an abstract socket. */
export function userOfPath(path: string): number | undefined {
  return path.startsWith('@') ? undefined : orElse(() => statSync(path).uid, undefined);
}

/** Real, effective, saved and file system uid (proc(5)); undefined if ProtectProc= hides them too. */
function usersOf(pid: number): readonly number[] | undefined {
  return /^Uid:\s+(.*)$/m
    .exec(procText(pid, 'status') ?? '')?.[1]
    ?.split('\t')
    .map(Number);
}
