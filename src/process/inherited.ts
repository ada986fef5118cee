/**
 * The descriptors above 2 that we were started with. They are the app's as much as the standard streams: sockets of
 * socket activation and OpenFile= (sd_listen_fds(3)), and what a shell gave us, `app 3<file`. But for one: a connected
 * notify socket is ours.
 *
 * Node closes them to its children: at its start it sets O_CLOEXEC on all that it finds (uv_disable_stdio_inheritance),
 * so each has to be named to spawn.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Environment } from '../core/environment.ts';
import { FIRST_FREE_FD, listenEnvironment, listenFds, type NamedDescriptor, namedNotify } from '../core/listen-fds.ts';

const O_CLOEXEC = 0o2000000;

/** One of our descriptors and its number in the app. */
export interface Passed {
  readonly from: number;
  readonly to: number;
}

export interface Inherited {
  readonly all: readonly Passed[];
  /** Those among them that systemd passed to this very process: their LISTEN_PID= has to name the app. */
  readonly listen: readonly Passed[];
  /** A datagram socket that is connected to systemd. */
  readonly notify?: number;
  /** The same for an app that takes our place: the notify socket is among them. */
  readonly whole: Pick<Inherited, 'all' | 'listen' | 'env'>;
  /** Ours, with LISTEN_FDS= and LISTEN_FDNAMES= telling of what the app gets. */
  readonly env: Environment;
}

/** Call it before anything else is opened. */
export function inheritedDescriptors(env: Environment): Inherited {
  const given = listenFds(env, process.pid);
  const named = namedNotify(given);
  const notify = named !== undefined && isDatagramSocket(named) ? named : undefined;
  const open = given.filter(({ fd }) => targetOf(fd) !== '');
  const passed = open.filter(({ fd }) => fd !== notify);
  const fromThree = (fds: readonly NamedDescriptor[]) =>
    fds.map(({ fd }, index) => ({ from: fd, to: FIRST_FREE_FD + index }));
  const listen = fromThree(passed);
  const strays = strayDescriptors(given.map(({ fd }) => fd)).map((fd) => ({ from: fd, to: fd }));
  return {
    all: [...listen, ...strays],
    listen,
    ...(notify === undefined ? {} : { notify }),
    env: notify === undefined ? env : listenEnvironment(env, passed),
    whole: { all: [...fromThree(open), ...strays], listen: fromThree(open), env },
  };
}

/** What is neither Node's own nor among these. */
function strayDescriptors(known: readonly number[]): readonly number[] {
  const own = readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd >= FIRST_FREE_FD && !known.includes(fd))
    .map((fd) => ({ fd, target: targetOf(fd) }));
  // what Node opens for itself: polls, events, and pipes of which it has both ends
  return own
    .filter(
      ({ fd, target }) =>
        !target.startsWith('anon_inode:') &&
        (!target.startsWith('pipe:') || own.filter((other) => other.target === target).length === 1) &&
        isClosedOnExec(fd),
    )
    .map(({ fd }) => fd);
}

/** What it leads to: `socket:[123]`, a path; empty when it is closed by now. */
function targetOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

/** By its row in /proc/net/unix, whose fifth column is the type: 2 is SOCK_DGRAM. Another may have been given that name. */
function isDatagramSocket(fd: number): boolean {
  const inode = /^socket:\[(\d+)\]$/.exec(targetOf(fd))?.[1];
  if (inode === undefined) return false;
  try {
    const table = readFileSync('/proc/self/net/unix', 'latin1');
    const row = table.split('\n').find((line) => line.split(/\s+/)[6] === inode);
    return row?.split(/\s+/)[4] === '0002';
  } catch {
    // it cannot be seen: then its name has to do, and the first datagram shows whether it works
    return true;
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
