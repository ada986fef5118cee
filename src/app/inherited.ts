/**
 * The descriptors above 2 that the wrapper was started with. They belong to the app, like the standard streams: sockets
 * of socket activation and OpenFile= (sd_listen_fds(3)), or files from a shell (`app 3<file`). One exception: the
 * wrapper keeps a connected notify socket.
 *
 * At its start Node sets O_CLOEXEC on all descriptors that it finds (uv_disable_stdio_inheritance), so each has to be
 * passed to spawn().
 */
import { readlinkSync } from 'node:fs';
import { entriesOf } from '../base/files.ts';
import { orElse } from '../base/or-else.ts';
import { procText } from '../base/proc.ts';
import {
  FIRST_FREE_FD,
  listenEnvironment,
  listenFds,
  type NamedDescriptor,
  namedNotify,
} from '../notify/listen-fds.ts';

const O_CLOEXEC = 0o2000000;

/** A descriptor's number in the wrapper and in the app. */
export interface Passed {
  readonly from: number;
  readonly to: number;
}

export interface Inherited {
  readonly all: readonly Passed[];
  /** The part of `all` that systemd passed to this process: the app's LISTEN_PID= is for these. */
  readonly listen: readonly Passed[];
  /** Descriptors without O_CLOEXEC, because Node did not find them: every child inherits them. */
  readonly stray: readonly number[];
  /** A datagram socket that is connected to systemd. */
  readonly notify?: number;
  /** For an app that takes the wrapper's place (`--handoff`): includes the notify socket. */
  readonly whole: Pick<Inherited, 'all' | 'listen' | 'env'>;
  /** The wrapper's environment; LISTEN_FDS= and LISTEN_FDNAMES= describe the app's descriptors. */
  readonly env: NodeJS.ProcessEnv;
}

/** To be called before the wrapper opens anything. */
export function inheritedDescriptors(env: NodeJS.ProcessEnv): Inherited {
  const open = openDescriptors();
  const named = listenFds(env, process.pid);
  const isNodes = nodesOwn(open);
  // another program than systemd may leave a gap between them; Node's first descriptor, an epoll, then fills it
  const filled = named.some(({ fd }) => open.get(fd) === 'anon_inode:[eventpoll]');
  const isGiven = (fd: number) => open.has(fd) && !(filled && isNodes(fd));
  const candidate = env['NOTIFY_SOCKET'] ? namedNotify(named) : undefined;
  const notify = candidate !== undefined && isNotifySocket(candidate) ? candidate : undefined;
  const others = named.filter(({ fd }) => fd !== notify);
  const fromThree = (fds: readonly NamedDescriptor[]) =>
    fds.map(({ fd }, index) => ({ from: fd, to: FIRST_FREE_FD + index })).filter(({ from }) => isGiven(from));
  const listen = fromThree(others);
  const further = [...open.keys()].filter((fd) => named.every((each) => each.fd !== fd) && !isNodes(fd));
  const found = further.filter(isClosedOnExec);
  const strays = found.map((fd) => ({ from: fd, to: fd }));
  return {
    all: [...listen, ...strays],
    listen,
    stray: further.filter((fd) => !found.includes(fd)),
    ...(notify === undefined ? {} : { notify }),
    env: notify === undefined ? env : listenEnvironment(env, others),
    whole: { all: [...fromThree(named), ...strays], listen: fromThree(named), env },
  };
}

/** Descriptors from 3 on and their targets. Empty without /proc: then the app gets only the standard streams. */
function openDescriptors(): ReadonlyMap<number, string> {
  const found = entriesOf('/proc/self/fd').map(({ name }) => [Number(name), targetOf(Number(name))] as const);
  return new Map(found.filter(([fd, target]) => fd >= FIRST_FREE_FD && target !== ''));
}

/** Whether Node opened the descriptor for its own use: an epoll, an eventfd, or a pipe with both ends here. */
function nodesOwn(open: ReadonlyMap<number, string>): (fd: number) => boolean {
  const targets = [...open.values()];
  return (fd) => {
    const target = open.get(fd) ?? '';
    const ends = targets.filter((other) => other === target).length;
    return target.startsWith('anon_inode:') || (target.startsWith('pipe:') && ends > 1);
  };
}

/** `socket:[123]` or a path; empty if the descriptor is closed. */
function targetOf(fd: number): string {
  return orElse(() => readlinkSync(`/proc/self/fd/${fd}`), '');
}

/**
 * Whether it is a datagram socket for sending; another descriptor may have the same name. In /proc/net/unix the fifth
 * column is the type (2 is SOCK_DGRAM), the eighth the path of a receiving socket (ListenDatagram=). With
 * PrivateNetwork= the socket belongs to systemd's network namespace, so the parent's table is read as well.
 */
function isNotifySocket(fd: number): boolean {
  const inode = /^socket:\[(\d+)\]$/.exec(targetOf(fd))?.[1];
  if (inode === undefined) return false;
  for (const pid of ['self', process.ppid] as const) {
    const table = procText(pid, 'net/unix');
    // hidden by ProtectProc=: trust the name; the first datagram shows whether the socket works
    if (table === undefined) return true;
    const row = table
      .split('\n')
      .map((line) => line.split(/\s+/))
      .find((columns) => columns[6] === inode);
    if (row) return row[4] === '0002' && row[7] === undefined;
  }
  return false;
}

function isClosedOnExec(fd: number): boolean {
  const flags = /^flags:\s*([0-7]+)/m.exec(procText('self', `fdinfo/${fd}`) ?? '')?.[1] ?? '0';
  return (Number.parseInt(flags, 8) & O_CLOEXEC) !== 0;
}
