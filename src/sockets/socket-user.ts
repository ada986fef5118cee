/** Whose a socket may be by its user, where the descriptors of the app's processes are hidden from us. */
import { statSync } from 'node:fs';
import { orElse } from '../base/or-else.ts';
import { procText } from '../base/proc.ts';

/** `perhaps`: it may as well be another program's. */
export type Likeness = 'app' | 'perhaps' | 'other';

/**
 * @param hidden processes of the app
 * @param uid who made the socket; undefined where that is not known
 */
export function likenessOf(hidden: readonly number[], uid: number | undefined): Likeness {
  if (uid === undefined) return 'perhaps';
  const own = process.getuid?.();
  // from before they changed their user; root's there are many of on a host
  if (uid === own && uid !== 0) return 'app';
  const users = hidden.map(usersOf);
  if (users.some((each) => each?.includes(uid))) return 'app';
  return uid === own || users.includes(undefined) ? 'perhaps' : 'other';
}

/** Who made a Unix socket, as far as its file tells; an abstract one has none. */
export function userOfPath(path: string): number | undefined {
  return path.startsWith('@') ? undefined : orElse(() => statSync(path).uid, undefined);
}

/** Real, effective, saved and of the file system (proc(5)); undefined where ProtectProc= hides even those. */
function usersOf(pid: number): readonly number[] | undefined {
  return /^Uid:\s+(.*)$/m
    .exec(procText(pid, 'status') ?? '')?.[1]
    ?.split('\t')
    .map(Number);
}
