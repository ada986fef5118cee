/** Which sockets a process has open: the links of /proc/PID/fd, `socket:[12345]` (proc(5)). */
import { fstatSync, readdirSync, readlinkSync } from 'node:fs';
import { orElse } from '../base/or-else.ts';
import { processExists } from '../base/proc.ts';

/**
 * @returns the inodes of its sockets, none for a process that has just ended; 'hidden' if access is denied, because the
 * process belongs to another user or has privileges (ptrace(2), access mode). ProtectProc= hides the whole directory of
 * such a process (hidepid= in proc(5))
 */
export function socketsOf(pid: number | 'self'): readonly number[] | 'hidden' {
  const dir = `/proc/${pid}/fd`;
  try {
    return readdirSync(dir).flatMap((fd) => socketInode(`${dir}/${fd}`) ?? []);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isHidden =
      code === 'EACCES' || code === 'EPERM' || (code === 'ENOENT' && pid !== 'self' && processExists(pid));
    return isHidden ? 'hidden' : [];
  }
}

function socketInode(link: string): number | undefined {
  try {
    const match = /^socket:\[(\d+)\]$/.exec(readlinkSync(link));
    return match ? Number(match[1]) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether two of our descriptors refer to the same file, pipe or socket. */
export function isSameFile(one: number, other: number): boolean {
  const [first, second] = [one, other].map((fd) => orElse(() => fstatSync(fd), undefined));
  return first !== undefined && first.dev === second?.dev && first.ino === second.ino;
}
