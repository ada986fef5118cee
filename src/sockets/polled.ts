/**
 * Whether a process polls a socket by epoll(7): then it means to accept what comes. Node, Go, Java, nginx and most
 * event loops do. Who calls accept(2) or poll(2) itself, as Python's http.server does, is not seen to:
 * /proc/PID/wchan does not name the socket, and /proc/PID/syscall needs the right to trace the process and holds no
 * list of descriptors.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * @returns 'hidden' where we may not look (see socketsOf). False for a process that has just ended
 */
export function polls(pid: number, inode: number): boolean | 'hidden' {
  const dir = `/proc/${pid}`;
  try {
    return readdirSync(`${dir}/fd`).some((fd) => {
      return isEpoll(`${dir}/fd/${fd}`) && polledBy(`${dir}/fdinfo/${fd}`).includes(inode);
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EPERM' ? 'hidden' : false;
  }
}

function isEpoll(link: string): boolean {
  try {
    return readlinkSync(link) === 'anon_inode:[eventpoll]';
  } catch {
    // closed meanwhile
    return false;
  }
}

/**
 * The inodes of what an epoll watches. Not by the number of the descriptor (`tfd`), which may have been
 * closed and taken by another file since: the inode is that of the file itself (Linux 4.13). Sockets and pipes are
 * numbered by one counter of the kernel (get_next_ino), so another kind of file is no danger.
 */
function polledBy(fdinfo: string): readonly number[] {
  let text: string;
  try {
    text = readFileSync(fdinfo, 'latin1');
  } catch {
    return [];
  }
  return [...text.matchAll(/^tfd:.* ino:([\da-f]+)/gm)].map(([, ino = '']) => Number.parseInt(ino, 16));
}
