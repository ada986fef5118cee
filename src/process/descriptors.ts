/** Which sockets a process has open: the links of /proc/PID/fd, `socket:[12345]` (proc(5)). */
import { readdirSync, readlinkSync } from 'node:fs';

/**
 * The inode numbers of its sockets. Nothing for a process that has just ended.
 * @returns 'hidden' where we may not look: another user's, or one with privileges of its own (ptrace(2), access mode)
 */
export function socketsOf(pid: number | 'self'): readonly number[] | 'hidden' {
  const dir = `/proc/${pid}/fd`;
  try {
    return readdirSync(dir).flatMap((fd) => socketInode(`${dir}/${fd}`) ?? []);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EPERM' ? 'hidden' : [];
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
