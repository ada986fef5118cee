/** Which sockets a process has open: the links of /proc/PID/fd, `socket:[12345]` (proc(5)). */
import { fstatSync, readdirSync, readlinkSync } from 'node:fs';
import { orElse } from '../base/or-else.ts';
import { processExists } from '../base/proc.ts';

/**
 * The inode numbers of its sockets. Nothing for a process that has just ended.
 * @returns 'hidden' where we may not look: another user's, or one with privileges of its own (ptrace(2), access mode).
 * With ProtectProc= such a one is not even there (hidepid= in proc(5))
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

/** Whether two of our descriptors are of the same file, pipe or socket. */
export function isSameFile(one: number, other: number): boolean {
  const [first, second] = [one, other].map((fd) => orElse(() => fstatSync(fd), undefined));
  return first !== undefined && first.dev === second?.dev && first.ino === second.ino;
}
