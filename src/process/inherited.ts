/**
 * The descriptors above 2 that we were started with, which are the app's as much as the standard streams: sockets of
 * socket activation and OpenFile= (sd_listen_fds(3)), and what a shell gave us, `app 3<file`.
 *
 * Node closes them to its children: at its start it sets O_CLOEXEC on all that it finds (uv_disable_stdio_inheritance),
 * so each has to be named to spawn at its own number.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Environment } from '../core/environment.ts';

/** The first that is no standard stream; SD_LISTEN_FDS_START of sd_listen_fds(3). */
export const FIRST_FREE_FD = 3;

const O_CLOEXEC = 0o2000000;

export interface Inherited {
  /** In ascending order. */
  readonly all: readonly number[];
  /** Those among them that systemd passed to this very process: their LISTEN_PID= has to name the app. */
  readonly listen: readonly number[];
}

/** Call it before anything else is opened. */
export function inheritedDescriptors(env: Environment): Inherited {
  const listen = listenDescriptors(env);
  const own = readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd >= FIRST_FREE_FD && !listen.includes(fd))
    .map((fd) => ({ fd, target: targetOf(fd) }));
  // what Node opens for itself: polls, events, and pipes of which it has both ends
  const strays = own.filter(
    ({ fd, target }) =>
      !target.startsWith('anon_inode:') &&
      (!target.startsWith('pipe:') || own.filter((other) => other.target === target).length === 1) &&
      isClosedOnExec(fd),
  );
  return { all: [...listen, ...strays.map(({ fd }) => fd)].sort((a, b) => a - b), listen };
}

function listenDescriptors(env: Environment): number[] {
  const count = Number(env['LISTEN_FDS']);
  if (env['LISTEN_PID'] !== String(process.pid) || !Number.isInteger(count) || count < 1) return [];
  return Array.from({ length: count }, (_, index) => FIRST_FREE_FD + index).filter((fd) => targetOf(fd) !== '');
}

/** What it leads to: `socket:[123]`, a path; empty when it is closed by now. */
function targetOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

/** The others reach the app by themselves. */
function isClosedOnExec(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & O_CLOEXEC) !== 0;
  } catch {
    return false;
  }
}
