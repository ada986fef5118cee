/**
 * The descriptors above 2 that we were started with. They are the app's as much as the standard streams: sockets of
 * socket activation and OpenFile= (sd_listen_fds(3)), and what a shell gave us, `app 3<file`. But for one: a connected
 * notify socket is ours.
 *
 * Node closes them to its children: at its start it sets O_CLOEXEC on all that it finds (uv_disable_stdio_inheritance),
 * so each has to be named to spawn.
 */
import { readdirSync, readlinkSync } from 'node:fs';
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

/** One of our descriptors and its number in the app. */
export interface Passed {
  readonly from: number;
  readonly to: number;
}

export interface Inherited {
  readonly all: readonly Passed[];
  /** Those among them that systemd passed to this very process: their LISTEN_PID= has to name the app. */
  readonly listen: readonly Passed[];
  /** Further ones, which reach every child by themselves: Node did not find them. */
  readonly stray: readonly number[];
  /** A datagram socket that is connected to systemd. */
  readonly notify?: number;
  /** The same for an app that takes our place: the notify socket is among them. */
  readonly whole: Pick<Inherited, 'all' | 'listen' | 'env'>;
  /** Ours, with LISTEN_FDS= and LISTEN_FDNAMES= telling of what the app gets. */
  readonly env: NodeJS.ProcessEnv;
}

/** Call it before anything else is opened. */
export function inheritedDescriptors(env: NodeJS.ProcessEnv): Inherited {
  const open = openDescriptors();
  const named = listenFds(env, process.pid);
  const isNodes = nodesOwn(open);
  // systemd leaves no gap among them, but somebody else may: Node's first descriptor, an event poll, is in it then
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

/** Those from 3 on, with what each leads to. */
function openDescriptors(): ReadonlyMap<number, string> {
  const found = readdirSync('/proc/self/fd').map((name) => [Number(name), targetOf(Number(name))] as const);
  return new Map(found.filter(([fd, target]) => fd >= FIRST_FREE_FD && target !== ''));
}

/** What Node opens for itself: polls, events, and pipes of which it has both ends. */
function nodesOwn(open: ReadonlyMap<number, string>): (fd: number) => boolean {
  const targets = [...open.values()];
  return (fd) => {
    const target = open.get(fd) ?? '';
    const ends = targets.filter((other) => other === target).length;
    return target.startsWith('anon_inode:') || (target.startsWith('pipe:') && ends > 1);
  };
}

/** What it leads to: `socket:[123]`, a path; empty when it is closed by now. */
function targetOf(fd: number): string {
  return orElse(() => readlinkSync(`/proc/self/fd/${fd}`), '');
}

/**
 * Whether it is a datagram socket to send by, as another may have been given that name: by its row in /proc/net/unix,
 * whose fifth column is the type (2 is SOCK_DGRAM), and the eighth the path of one to receive by (ListenDatagram=).
 * With PrivateNetwork= it is one of systemd's own network namespace, and not in our table.
 */
function isNotifySocket(fd: number): boolean {
  const inode = /^socket:\[(\d+)\]$/.exec(targetOf(fd))?.[1];
  if (inode === undefined) return false;
  for (const pid of ['self', process.ppid] as const) {
    const table = procText(pid, 'net/unix');
    // it cannot be seen (ProtectProc=): then its name has to do, and the first datagram shows whether it works
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
