/**
 * Whether a process polls a socket by epoll(7), which means that it is about to accept connections. Node, Go, Java,
 * nginx and most event loops use epoll. A process that calls accept(2) or poll(2) itself, as Python's http.server does,
 * cannot be detected: /proc/PID/wchan does not name the socket, and /proc/PID/syscall needs the right to trace the
 * process and does not list descriptors.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { readText } from '../base/files.ts';
import { orElse } from '../base/or-else.ts';

/** @returns 'hidden' if access is denied (see socketsOf); false for a process that has just ended */
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

/** False if it was closed meanwhile. */
function isEpoll(link: string): boolean {
  return orElse(() => readlinkSync(link), '') === 'anon_inode:[eventpoll]';
}

/**
 * The inodes of the files that an epoll watches (Linux 4.13). The descriptor number (`tfd`) is not enough: it may have
 * been closed and reused for another file. Sockets and pipes get their inodes from one counter of the kernel
 * (get_next_ino), so that a pipe cannot be mistaken for a socket.
 */
function polledBy(fdinfo: string): readonly number[] {
  return [...(readText(fdinfo) ?? '').matchAll(/^tfd:.* ino:([\da-f]+)/gm)].map(([, ino = '']) =>
    Number.parseInt(ino, 16),
  );
}
