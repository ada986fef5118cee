/**
 * Finds the owners of listening sockets. A row of the kernel's tables names an inode, and the owner is the process with
 * a descriptor of that inode. Another program that holds the port, above all the old instance, must never make the app
 * ready.
 */
import { existsSync, fstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { orElse } from '../base/or-else.ts';
import { describeProcess } from '../base/proc.ts';
import { now, pause } from '../base/real-clock.ts';
import { acceptorOf, type ConnectionEnds } from './accepted.ts';
import { isEnded, isRunning } from './alive.ts';
import { appPids, cgroupMembers, unitCgroup } from './app-tree.ts';
import { socketsOf } from './descriptors.ts';
import { acceptedByGain } from './gained.ts';
import { isInspector } from './inspector.ts';
import type { Listeners, ListeningSocket, Ownership, Shared } from './ownership.ts';
import { polls } from './polled.ts';
import {
  acceptorsOf,
  canonicalHost,
  hostPort,
  TCP_TABLES,
  type TcpListener,
  type TcpTable,
  type UnixListener,
} from './rows.ts';
import { type SockDiag, sockDiag, sockDiagIfOpen } from './sock-diag.ts';
import { guessByUser, userOfPath } from './socket-user.ts';
import { readAllTcpListeners, tcpListeners, unixListeners } from './tables.ts';

/**
 * The limit for the search of a port's holder, which reads every process of the host: CPU time, ms. Elapsed time would
 * include that of other programs.
 */
const SEARCH_MS = 100;

/** How long an accepted socket may have an inode but no descriptor yet, ms. */
const NUMBERED_BEFORE = 5;

/** How often all tables are read even if none seems changed, ms. */
const READ_ALL_EVERY = 1000;

/** The processes and sockets from before the start: none of them is the app. */
export interface Before {
  readonly cgroup: string | undefined;
  readonly bystanders: ReadonlySet<number>;
  /** Inodes of the sockets that this process inherited: those of socket activation. */
  readonly inherited: ReadonlySet<number>;
  /** The listeners; undefined until a thread has read them. */
  readonly tcp: { listeners: readonly TcpListener[] | undefined };
  readonly unix: readonly UnixListener[];
}

/** Call it before the app is started. */
export function rememberBefore(): Before {
  const { cgroup, inherited, tcp } = nothingKnown();
  void readAllTcpListeners().then((listeners) => {
    tcp.listeners = listeners;
  });
  const bystanders = new Set(cgroup === undefined ? [] : cgroupMembers(cgroup));
  return { cgroup, bystanders, inherited, tcp, unix: unixTable() };
}

/** For a caller after the start: enough to find the app's own sockets, but not the earlier listeners. */
export function nothingKnown(): Before {
  return {
    cgroup: unitCgroup(),
    bystanders: new Set(),
    inherited: new Set(ownSockets()),
    tcp: { listeners: undefined },
    unix: [],
  };
}

/** The inodes of our own sockets. */
function ownSockets(): readonly number[] {
  const sockets = socketsOf('self');
  return sockets === 'hidden' ? [] : sockets;
}

/** Whether other processes of the app still run after the started process has exited. */
export function leavesRunning(appPid: number, before: Before = nothingKnown()): boolean {
  const pids = [...appPids(appPid, before.cgroup, before.bystanders)];
  return pids.some((pid) => pid !== appPid && isRunning(pid));
}

/** For probes that do not need the owners of sockets. */
export const untraced: Listeners = {
  ownerOf: () => undefined,
  ownerOfPath: () => undefined,
  acceptorOf: async () => ({ by: 'hidden', seenBy: '/proc', spent: 0 }),
  inherits: () => false,
  isSamePath: (one, other) => one === other,
  ofApp: () => () => [],
};

/**
 * @param appPid the started process
 * @param commandLine its command line: the app can change the one in /proc (process.title)
 */
export function traceListeners(appPid: number, before: Before, commandLine: readonly string[]): Listeners {
  const holders = new Map<number, string>();
  /** By address: an inherited listener stays inherited. The acceptor is looked up each time. */
  const inheritedAt = new Map<string, Shared>();
  /** By process: the inode of its inspector, if only the order of its sockets identifies it. */
  const inspectors = new Map<number, number>();

  /**
   * The app's sockets by inode, and its processes whose sockets are hidden. Stops early once all of `sought` are found.
   */
  const appSockets = (sought: readonly number[] = []): AppSockets => {
    const owners = new Map<number, number>();
    const hidden: number[] = [];
    for (const pid of appPids(appPid, before.cgroup, before.bystanders)) {
      const sockets = socketsOf(pid);
      if (sockets === 'hidden') {
        // the kernel hides an exiting process's descriptors before closing them: count none
        if (!isEnded(pid)) hidden.push(pid);
      } else for (const inode of sockets) owners.set(inode, pid);
      if (sought.length > 0 && sought.every((inode) => owners.has(inode))) break;
    }
    return { owners, hidden };
  };

  /** @param others the listeners on that port that were read so far */
  const judge = (acceptors: readonly TcpListener[], others: readonly TcpListener[]): Ownership => {
    const inodes = acceptors.map(({ inode }) => inode);
    const shared = (by: 'systemd' | 'app'): Shared => ({ by: 'shared', inodes, otherwise: { by } });
    if (inodes.some((inode) => before.inherited.has(inode))) return shared('systemd');
    const app = appSockets(inodes);
    const own = inodes.filter((inode) => app.owners.has(inode));
    if (own.length > 0) {
      // a process from before the start may listen there too, or may have passed its socket on
      const earlier = before.tcp.listeners;
      if (!earlier) return { by: 'unknown' };
      const all = [...earlier, ...others];
      const isAlone = all.every(
        (other) =>
          !acceptors.some((each) => isSameAddress(each, other)) ||
          (own.includes(other.inode) && !existedBefore(other.inode)),
      );
      return isAlone ? { by: 'app' } : shared('app');
    }
    // a hidden process of the app may own it, unless the socket existed before the start
    if (app.hidden.length > 0 && !before.tcp.listeners) return { by: 'unknown' };
    if (app.hidden.length > 0 && acceptors.some((each) => guessOwner(each, app) !== 'other')) return { by: 'app' };
    return { by: 'other', holder: holderOf(acceptors[0] as TcpListener) };
  };

  /** For a socket that is not among the app's visible ones. */
  const guessOwner = ({ inode, uid }: TcpListener, { hidden }: AppSockets) =>
    hidden.length === 0 || existedBefore(inode) ? 'other' : guessByUser(hidden, uid);

  /** Searched once, because that takes long; again if the time did not suffice for all processes. */
  const holderOf = ({ inode, uid }: { readonly inode: number; readonly uid?: number }) => {
    const known = holders.get(inode) ?? findHolder(inode);
    if (known !== undefined) holders.set(inode, known);
    return known || (uid === undefined ? 'another program' : `another program, of uid ${uid}`);
  };

  const existedBefore = (inode: number) => before.tcp.listeners?.some((listener) => listener.inode === inode) ?? true;
  const existedBeforeUnix = (inode: number) => before.unix.some((listener) => listener.inode === inode);

  /** The inherited listeners, as they were before the start. */
  const inherited = () =>
    [...(before.tcp.listeners ?? []), ...before.unix].filter(({ inode }) => before.inherited.has(inode));

  const pids = () => [...appPids(appPid, before.cgroup, before.bystanders)];
  const isPolled = (inode: number) => pids().some((pid) => polls(pid, inode) === true);

  /** accept(2) gives the socket an inode before the descriptor, so it may have no owner for a moment. */
  const appSocketsWith = async (inode: number) => {
    const app = appSockets([inode]);
    if (app.owners.has(inode)) return app;
    await pause(NUMBERED_BEFORE);
    return appSockets([inode]);
  };

  /**
   * The acceptor of a connection that it has closed: the app if no other process can have accepted.
   * @returns undefined for the app
   */
  const ofClosed = ({ inodes }: Shared) => {
    if (!inodes.some(isPolled)) return 'another process, which closed it';
    // systemd keeps its copy of the socket, and accepts nothing
    const harmless = new Set([1, process.ppid, process.pid, ...pids()]);
    const other = allPids().find((pid) => {
      const sockets = harmless.has(pid) ? [] : socketsOf(pid);
      return sockets !== 'hidden' && inodes.some((inode) => sockets.includes(inode));
    });
    return other === undefined ? undefined : `${describeProcess(other)} or the app, and closed`;
  };

  /** By listener: the name of the process that shares it. Searched once, because each connection has another inode. */
  const sharers = new Map<number, string>();
  const sharerOf = ({ inodes: [listener = 0] }: Shared, inode: number) => {
    const known = sharers.get(listener) ?? (findHolder(inode) || 'another process');
    sharers.set(listener, known);
    return known;
  };

  return {
    ownerOf(host, port, unchanged = []) {
      const place = hostPort(host, port);
      const known = inheritedAt.get(place);
      if (known) return known;
      const onPort: TcpListener[] = [];
      // stop before a table that is not needed: reading one takes milliseconds
      for (const table of changedFirst(unchanged)) {
        if (table === 'tcp' && host.includes(':')) continue;
        try {
          for (const listener of tcpListeners(table)) {
            if (listener.port !== port) continue;
            onPort.push(listener);
            // no other listener comes before this one: reading on, which may take long, is not needed
            if (takesPrecedence(listener, table, host) && judge([listener], onPort).by === 'app') return { by: 'app' };
          }
        } catch {
          return undefined;
        }
        const acceptors = acceptorsOf(onPort, host);
        if (acceptors.length === 0) continue;
        const owner = judge(acceptors, []);
        if (owner.by === 'shared' && owner.otherwise?.by === 'systemd') inheritedAt.set(place, owner);
        return owner;
      }
      return { by: 'elsewhere' };
    },

    ownerOfPath(path, isOld) {
      const atPath = unixTable().filter((listener) => isSamePath(listener.path, path));
      const inodes = atPath.map(({ inode }) => inode);
      if (inodes.some((inode) => before.inherited.has(inode))) {
        return { by: 'shared', inodes, otherwise: { by: 'systemd' } };
      }
      const { owners, hidden } = appSockets(inodes);
      const own = inodes.filter((inode) => owners.has(inode));
      if (!isOld && own.some((inode) => !existedBeforeUnix(inode))) return { by: 'app' };
      const other = { by: 'other', holder: atPath[0] ? holderOf(atPath[0]) : 'another process' } as const;
      if (isOld && own.length === 0) return other;
      // the table has the path to which it was bound, and the file may have been renamed (systemd#20635). Without a row
      // the socket may be in another network namespace
      const mayBeOwn = own.length > 0 || atPath.length === 0 || (hidden.length > 0 && !inodes.every(existedBeforeUnix));
      return { by: 'shared', inodes, otherwise: mayBeOwn ? undefined : other };
    },

    async acceptorOf(connection, listener, path) {
      const diag = await sockDiag();
      const began = process.cpuUsage();
      const acceptor =
        path === undefined ? await acceptorOfTcp(connection, diag) : await acceptorOfUnix(connection, path, diag);
      const holder = acceptor === 'closed' ? ofClosed(listener) : undefined;
      const app = typeof acceptor === 'number' ? await appSocketsWith(acceptor) : undefined;
      const { user, system } = process.cpuUsage(began);
      const how = { seenBy: diag === 'none' ? '/proc' : 'netlink', spent: (user + system) / 1000 } as const;
      if (acceptor === 'waiting' || acceptor === 'hidden') return { by: acceptor, ...how };
      if (acceptor === 'elsewhere') return { by: 'other', holder: 'another host, or was reset', ...how };
      if (acceptor === 'closed') {
        return holder === undefined ? { by: 'app', ...how } : { by: 'other', holder, closed: true, ...how };
      }
      if (app?.owners.has(acceptor)) return { by: 'app', ...how };
      if (app?.hidden.length) return { by: 'hidden', ...how };
      return { by: 'other', holder: sharerOf(listener, acceptor), ...how };
    },

    inherits: () => inherited().length > 0,

    isSamePath,

    ofApp(kinds, sought) {
      const found = new Map<number, ListeningSocket>();
      let known: ReadonlySet<number> = new Set();
      let allReadAt = Number.NEGATIVE_INFINITY;
      return (changed) => {
        const app = appSockets();
        for (const inode of found.keys()) {
          if (!app.owners.has(inode) && (app.hidden.length === 0 || changed.length === TCP_TABLES.length)) {
            found.delete(inode);
          }
        }
        const open = [...app.owners.keys()].filter((inode) => !found.has(inode));
        const isNew = open.some((inode) => !known.has(inode));
        known = new Set(open);
        if (kinds === 'tcp and unix') addUnix(app, found, sought);
        for (const listener of inherited()) {
          const { inode } = listener;
          const isSought = 'port' in listener || kinds === 'tcp and unix';
          if (!isSought || found.has(inode) || !app.owners.has(inode) || !isPolled(inode)) continue;
          const pid = app.owners.get(inode);
          if ('port' in listener)
            found.set(inode, { kind: 'tcp', ...listener, inspector: false, inherited: true, pid });
          else found.set(inode, { kind: 'unix', ...listener, inherited: true, pid });
        }
        if (open.length === 0 && app.hidden.length === 0) return [...found.values()];

        const foundBefore = found.size;
        for (const table of changed) addTcp(table, app, found);
        // if one socket was opened and another closed, no table seems changed
        const mayBeMissed = isNew || now() > allReadAt + READ_ALL_EVERY;
        if (mayBeMissed && found.size === foundBefore) {
          for (const table of TCP_TABLES) if (!changed.includes(table)) addTcp(table, app, found);
          allReadAt = now();
        }
        return [...found.values()];
      };
    },
  };

  function addTcp(table: TcpTable, app: AppSockets, found: Map<number, ListeningSocket>): void {
    for (const { inode, host, port, uid } of tcpTable(table)) {
      if (before.inherited.has(inode)) continue;
      const pid = app.owners.get(inode);
      const guess = pid === undefined ? guessOwner({ inode, host, port, uid }, app) : 'app';
      if (guess === 'other') continue;
      const holding = pid === undefined ? app.hidden : [pid];
      found.set(inode, {
        kind: 'tcp',
        host,
        port,
        inode,
        pid: holding[0],
        inspector: holding.some((each) => isItsInspector(each, host, port, inode)),
        doubtful: guess === 'perhaps',
      });
    }
  }

  function isItsInspector(pid: number, host: string, port: number, inode: number): boolean {
    const verdict = isInspector(pid, host, port, pid === appPid ? commandLine : undefined);
    if (verdict !== 'perhaps') return verdict;
    // Node opens its inspector before it runs the script, so it is the first socket found
    if (!inspectors.has(pid)) inspectors.set(pid, inode);
    return inspectors.get(pid) === inode;
  }

  function addUnix(app: AppSockets, found: Map<number, ListeningSocket>, sought: string | undefined): void {
    const ours = app.hidden.length > 0 ? ownSockets() : [];
    for (const { inode, path: bound } of unixTable()) {
      const known = found.get(inode);
      const isPlaced = known?.kind === 'unix' && !known.gone;
      if (isPlaced || before.inherited.has(inode) || ours.includes(inode)) continue;
      const isOwn = app.owners.has(inode);
      if (!isOwn && (app.hidden.length === 0 || existedBeforeUnix(inode))) continue;
      const path = placeOf(inode, bound, sought);
      // only a hint: the owner of the file may have been changed
      const doubtful = !isOwn && guessByUser(app.hidden, userOfPath(path ?? bound)) !== 'app';
      found.set(inode, {
        kind: 'unix',
        path: path ?? bound,
        gone: path === undefined,
        inode,
        pid: app.owners.get(inode),
        doubtful,
      });
    }
  }

  /** The path of a Unix socket's file: the one to which it was bound, or a later name; undefined if not found. */
  function placeOf(inode: number, bound: string, sought: string | undefined): string | undefined {
    if (bound.startsWith('@') || existsSync(bound)) return bound;
    const diag = sockDiagIfOpen();
    if (!diag) return undefined;
    // if the kernel does not report the inode of its file, only the sought path is tried
    const file = diag === 'none' ? undefined : diag.fileOf(inode);
    const siblings = orElse(() => readdirSync(dirname(bound)), []).map((name) => join(dirname(bound), name));
    return [sought, ...(file === undefined ? [] : siblings)].find((path) => {
      const stat = path === undefined ? undefined : orElse(() => statSync(path, { throwIfNoEntry: false }), undefined);
      return stat?.isSocket() && (file === undefined || stat.ino === file);
    });
  }

  async function acceptorOfTcp(connection: Socket, diag: SockDiag | 'none') {
    const { localAddress, localPort, remoteAddress, remotePort } = connection;
    // it was closed meanwhile
    if (localAddress === undefined || remoteAddress === undefined) return 'closed';
    const ends = { localAddress, localPort, remoteAddress, remotePort } as ConnectionEnds;
    return (diag === 'none' ? undefined : diag.acceptorOf(ends)) ?? acceptorOf(ends);
  }

  function acceptorOfUnix(connection: Socket, path: string, diag: SockDiag | 'none') {
    const { fd } = (connection as { _handle?: { fd?: number } })._handle ?? {};
    // it was closed meanwhile
    if (fd === undefined || fd < 0) return 'closed';
    const answer = diag === 'none' ? undefined : diag.acceptorOfUnix(fstatSync(fd).ino);
    return (
      answer ??
      acceptedByGain(
        path,
        (name) => isSamePath(name, path),
        () => appSockets().owners,
      )
    );
  }
}

/**
 * Whether no other listener on the port would get the connection instead, except one that shares it (SO_REUSEPORT).
 */
function takesPrecedence(listener: TcpListener, table: TcpTable, host: string): boolean {
  return listener.host === canonicalHost(host) || (table === 'tcp6' && listener.host === '::' && !host.includes(':'));
}

/** IPv4 first if both changed: an IPv4 listener gets connections to an IPv4 address before an IPv6 one does. */
function changedFirst(unchanged: readonly TcpTable[]): readonly TcpTable[] {
  return [...TCP_TABLES.filter((table) => !unchanged.includes(table)), ...unchanged];
}

interface AppSockets {
  /** The app's sockets: from inode to pid. */
  readonly owners: ReadonlyMap<number, number>;
  /** The pids of the app's processes whose descriptors are hidden. */
  readonly hidden: readonly number[];
}

function isSamePath(one: string, other: string): boolean {
  if (one === other) return true;
  if ([one, other].some((path) => path.startsWith('@'))) return false;
  return realPlace(one) === realPlace(other);
}

/** Resolves links. The file of the socket itself may no longer exist: then those of its directory. */
function realPlace(path: string): string {
  const whole = resolve(path);
  return realPath(whole) ?? join(realPath(dirname(whole)) ?? dirname(whole), basename(whole));
}

function realPath(path: string): string | undefined {
  return orElse(() => realpathSync(path), undefined);
}

/** @returns the name of a process with that socket; empty if none is visible, undefined if the CPU limit was reached */
function findHolder(inode: number): string | undefined {
  const begun = process.cpuUsage();
  for (const pid of allPids()) {
    const { user, system } = process.cpuUsage(begun);
    if (user + system > SEARCH_MS * 1000) return undefined;
    const sockets = socketsOf(pid);
    if (sockets !== 'hidden' && sockets.includes(inode)) return describeProcess(pid);
  }
  return '';
}

function allPids(): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => !Number.isNaN(pid));
}

/** Whether connections to one may reach the other. */
function isSameAddress(one: TcpListener, other: TcpListener): boolean {
  return one.port === other.port && one.host === other.host;
}

function tcpTable(table: TcpTable): readonly TcpListener[] {
  return orElse(() => [...tcpListeners(table)], []);
}

function unixTable(): readonly UnixListener[] {
  return orElse(() => unixListeners(), []);
}
