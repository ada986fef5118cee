/**
 * Whose the listening sockets are. A row of the kernel's tables names an inode; who has a descriptor of that inode is
 * who listens. Another program that holds the port, the old instance above all, must never make the app ready.
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
import { likenessOf, userOfPath } from './socket-user.ts';
import { readAllTcpListeners, tcpListeners, unixListeners } from './tables.ts';

/**
 * How much CPU the search for the name of a port's holder may take: it looks at every process of the host, ms. Not how
 * much time, of which other programs may have most.
 */
const SEARCH_MS = 100;

/** How long before its descriptor an accepted socket may have its inode, ms. */
const NUMBERED_BEFORE = 5;

/** How often all tables are read, though none of them seems changed, ms. */
const READ_ALL_EVERY = 1000;

/** What was there before the app was started: none of it is the app. */
export interface Before {
  readonly cgroup: string | undefined;
  readonly bystanders: ReadonlySet<number>;
  /** Inodes of the sockets that this process was started with: those of socket activation. */
  readonly inherited: ReadonlySet<number>;
  /** What listened; undefined until it is read, on a thread. */
  readonly tcp: { listeners: readonly TcpListener[] | undefined };
  readonly unix: readonly UnixListener[];
}

/** To be called before the app is started. */
export function rememberBefore(): Before {
  const { cgroup, inherited, tcp } = nothingKnown();
  void readAllTcpListeners().then((listeners) => {
    tcp.listeners = listeners;
  });
  const bystanders = new Set(cgroup === undefined ? [] : cgroupMembers(cgroup));
  return { cgroup, bystanders, inherited, tcp, unix: unixTable() };
}

/** Where nobody asked in time: good enough to see what the app has, not who else was there. */
export function nothingKnown(): Before {
  return {
    cgroup: unitCgroup(),
    bystanders: new Set(),
    inherited: new Set(ownSockets()),
    tcp: { listeners: undefined },
    unix: [],
  };
}

/** Those of this process itself. */
function ownSockets(): readonly number[] {
  const sockets = socketsOf('self');
  return sockets === 'hidden' ? [] : sockets;
}

/** Whether processes of the app still run, after the death of the one that was started. */
export function leavesRunning(appPid: number, before: Before = nothingKnown()): boolean {
  const pids = [...appPids(appPid, before.cgroup, before.bystanders)];
  return pids.some((pid) => pid !== appPid && isRunning(pid));
}

/** Where no probe asks whose a socket is. */
export const untraced: Listeners = {
  ownerOf: () => undefined,
  ownerOfPath: () => undefined,
  acceptorOf: async () => ({ by: 'hidden', seenBy: '/proc', spent: 0 }),
  inherits: () => false,
  isSamePath: (one, other) => one === other,
  ofApp: () => () => [],
};

/**
 * @param appPid the process that was started
 * @param commandLine what it was started by: it may write another over what /proc shows (process.title)
 */
export function traceListeners(appPid: number, before: Before, commandLine: readonly string[]): Listeners {
  const holders = new Map<number, string>();
  /** By address: an inherited listener stays one, and who accepts there is looked up each time. */
  const inheritedAt = new Map<string, Shared>();
  /** By process: the inode of its inspector, where only the order tells which it is. */
  const inspectors = new Map<number, number>();

  /**
   * The sockets of the app by their inodes, and the processes whose sockets cannot be seen: all of them, or up to where
   * those that are sought are found.
   */
  const look = (sought: readonly number[] = []): AppSockets => {
    const owners = new Map<number, number>();
    const hidden: number[] = [];
    for (const pid of appPids(appPid, before.cgroup, before.bystanders)) {
      const sockets = socketsOf(pid);
      if (sockets === 'hidden') {
        // as a process ends its descriptors are hidden from others of its user, before they are gone: it has none any
        // more
        if (!isEnded(pid)) hidden.push(pid);
      } else for (const inode of sockets) owners.set(inode, pid);
      if (sought.length > 0 && sought.every((inode) => owners.has(inode))) break;
    }
    return { owners, hidden };
  };

  /** @param others all that listen on that port, as far as they were read */
  const judge = (acceptors: readonly TcpListener[], others: readonly TcpListener[]): Ownership => {
    const inodes = acceptors.map(({ inode }) => inode);
    const shared = (by: 'systemd' | 'app'): Shared => ({ by: 'shared', inodes, otherwise: { by } });
    if (inodes.some((inode) => before.inherited.has(inode))) return shared('systemd');
    const app = look(inodes);
    const own = inodes.filter((inode) => app.owners.has(inode));
    if (own.length > 0) {
      // what was there before the start may listen there too, or have passed its socket on
      const there = before.tcp.listeners;
      if (!there) return { by: 'unknown' };
      const all = [...there, ...others];
      const isAlone = all.every(
        (other) =>
          !acceptors.some((each) => isSamePlace(each, other)) || (own.includes(other.inode) && !wasThere(other.inode)),
      );
      return isAlone ? { by: 'app' } : shared('app');
    }
    // what is hidden from us may have it, if it was not there before the start
    if (app.hidden.length > 0 && !before.tcp.listeners) return { by: 'unknown' };
    if (app.hidden.length > 0 && acceptors.some((each) => likenessOfNew(each, app) !== 'other')) return { by: 'app' };
    return { by: 'other', holder: holderOf(acceptors[0] as TcpListener) };
  };

  /** Of a socket that is none of those which can be seen to be the app's. */
  const likenessOfNew = ({ inode, uid }: TcpListener, { hidden }: AppSockets) =>
    hidden.length === 0 || wasThere(inode) ? 'other' : likenessOf(hidden, uid);

  /** Sought once, as that takes long; again where there was no time to look at everybody. */
  const holderOf = ({ inode, uid }: { readonly inode: number; readonly uid?: number }) => {
    const known = holders.get(inode) ?? findHolder(inode);
    if (known !== undefined) holders.set(inode, known);
    return known || (uid === undefined ? 'another program' : `another program, of uid ${uid}`);
  };

  const wasThere = (inode: number) => before.tcp.listeners?.some((listener) => listener.inode === inode) ?? true;
  const wasUnix = (inode: number) => before.unix.some((listener) => listener.inode === inode);

  /** Inherited ones, as they listened before the start. */
  const inherited = () =>
    [...(before.tcp.listeners ?? []), ...before.unix].filter(({ inode }) => before.inherited.has(inode));

  const pids = () => [...appPids(appPid, before.cgroup, before.bystanders)];
  const isPolled = (inode: number) => pids().some((pid) => polls(pid, inode) === true);

  /** A process that has just accepted has no descriptor for a moment (accept(2) numbers the socket first). */
  const lookFor = async (inode: number) => {
    const app = look([inode]);
    if (app.owners.has(inode)) return app;
    await pause(NUMBERED_BEFORE);
    return look([inode]);
  };

  /** Who accepted, where the acceptor has closed the connection since: the app if no other process can have. */
  const ofClosed = ({ inodes }: Shared) => {
    if (!inodes.some(isPolled)) return 'another process, which closed it';
    // the manager holds what it has handed over, and accepts nothing
    const harmless = new Set([1, process.ppid, process.pid, ...pids()]);
    const other = allPids().find((pid) => {
      const sockets = harmless.has(pid) ? [] : socketsOf(pid);
      return sockets !== 'hidden' && inodes.some((inode) => sockets.includes(inode));
    });
    return other === undefined ? undefined : `${describeProcess(other)} or the app, and closed`;
  };

  /** The name of whom shares a listener, sought once, as each connection has another inode. */
  const sharers = new Map<number, string>();
  const sharerOf = ({ inodes: [listener = 0] }: Shared, inode: number) => {
    const known = sharers.get(listener) ?? (findHolder(inode) || 'another process');
    sharers.set(listener, known);
    return known;
  };

  return {
    ownerOf(host, port, unchanged = []) {
      const place = hostPort(host, port);
      const inheritedThere = inheritedAt.get(place);
      if (inheritedThere) return inheritedThere;
      const known: TcpListener[] = [];
      // a table that is not needed is not read: that takes milliseconds
      for (const table of changedFirst(unchanged)) {
        if (table === 'tcp' && host.includes(':')) continue;
        try {
          for (const listener of tcpListeners(table)) {
            if (listener.port !== port) continue;
            known.push(listener);
            // no need to read on, which may take long: nobody can stand before it
            if (isForemost(listener, table, host) && judge([listener], known).by === 'app') return { by: 'app' };
          }
        } catch {
          return undefined;
        }
        const acceptors = acceptorsOf(known, host);
        if (acceptors.length === 0) continue;
        const owner = judge(acceptors, []);
        if (owner.by === 'shared' && owner.otherwise?.by === 'systemd') inheritedAt.set(place, owner);
        return owner;
      }
      return { by: 'elsewhere' };
    },

    ownerOfPath(path, isOld) {
      const there = unixTable().filter((listener) => isSamePath(listener.path, path));
      const inodes = there.map(({ inode }) => inode);
      if (inodes.some((inode) => before.inherited.has(inode))) {
        return { by: 'shared', inodes, otherwise: { by: 'systemd' } };
      }
      const { owners, hidden } = look(inodes);
      const own = inodes.filter((inode) => owners.has(inode));
      if (!isOld && own.some((inode) => !wasUnix(inode))) return { by: 'app' };
      const other = { by: 'other', holder: there[0] ? holderOf(there[0]) : 'another process' } as const;
      if (isOld && own.length === 0) return other;
      // the name in the table is the one that it was bound under, and the file may have had another (systemd#20635).
      // Without a row it may be in another network namespace
      const mayBeOwn = own.length > 0 || there.length === 0 || (hidden.length > 0 && !inodes.every(wasUnix));
      return { by: 'shared', inodes, otherwise: mayBeOwn ? undefined : other };
    },

    async acceptorOf(connection, listener, path) {
      const diag = await sockDiag();
      const began = process.cpuUsage();
      const acceptor =
        path === undefined ? await acceptorOfTcp(connection, diag) : await acceptorOfUnix(connection, path, diag);
      const holder = acceptor === 'closed' ? ofClosed(listener) : undefined;
      const app = typeof acceptor === 'number' ? await lookFor(acceptor) : undefined;
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
        const app = look();
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
        // one may have come while another went, and then no table seems changed
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
      const likeness = pid === undefined ? likenessOfNew({ inode, host, port, uid }, app) : 'app';
      if (likeness === 'other') continue;
      const holding = pid === undefined ? app.hidden : [pid];
      found.set(inode, {
        kind: 'tcp',
        host,
        port,
        inode,
        pid: holding[0],
        inspector: holding.some((each) => isItsInspector(each, host, port, inode)),
        doubtful: likeness === 'perhaps',
      });
    }
  }

  function isItsInspector(pid: number, host: string, port: number, inode: number): boolean {
    const verdict = isInspector(pid, host, port, pid === appPid ? commandLine : undefined);
    if (verdict !== 'perhaps') return verdict;
    // Node opens it before it runs the script: the first that is seen
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
      if (!isOwn && (app.hidden.length === 0 || wasUnix(inode))) continue;
      const path = placeOf(inode, bound, sought);
      // the file may have been given to another user since: only a hint
      const doubtful = !isOwn && likenessOf(app.hidden, userOfPath(path ?? bound)) !== 'app';
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

  /** Where the file of a Unix socket is: at the name that it was bound under, or renamed since. */
  function placeOf(inode: number, bound: string, sought: string | undefined): string | undefined {
    if (bound.startsWith('@') || existsSync(bound)) return bound;
    const diag = sockDiagIfOpen();
    if (!diag) return undefined;
    // any other socket is as likely where the kernel does not tell
    const file = diag === 'none' ? undefined : diag.fileOf(inode);
    const siblings = orElse(() => readdirSync(dirname(bound)), []).map((name) => join(dirname(bound), name));
    return [sought, ...(file === undefined ? [] : siblings)].find((path) => {
      const stat = path === undefined ? undefined : orElse(() => statSync(path, { throwIfNoEntry: false }), undefined);
      return stat?.isSocket() && (file === undefined || stat.ino === file);
    });
  }

  async function acceptorOfTcp(connection: Socket, diag: SockDiag | 'none') {
    const { localAddress, localPort, remoteAddress, remotePort } = connection;
    // it is closed
    if (localAddress === undefined || remoteAddress === undefined) return 'closed';
    const ends = { localAddress, localPort, remoteAddress, remotePort } as ConnectionEnds;
    return (diag === 'none' ? undefined : diag.acceptorOf(ends)) ?? acceptorOf(ends);
  }

  function acceptorOfUnix(connection: Socket, path: string, diag: SockDiag | 'none') {
    const { fd } = (connection as { _handle?: { fd?: number } })._handle ?? {};
    // it is closed
    if (fd === undefined || fd < 0) return 'closed';
    const told = diag === 'none' ? undefined : diag.acceptorOfUnix(fstatSync(fd).ino);
    return (
      told ??
      acceptedByGain(
        path,
        (name) => isSamePath(name, path),
        () => look().owners,
      )
    );
  }
}

/**
 * Whether no other listener on the port would be given the connection instead, but for one that shares it
 * (SO_REUSEPORT).
 */
function isForemost(listener: TcpListener, table: TcpTable, host: string): boolean {
  return listener.host === canonicalHost(host) || (table === 'tcp6' && listener.host === '::' && !host.includes(':'));
}

/** IPv4 first where both changed: there stands who gets a connection to an IPv4 address before one in IPv6 does. */
function changedFirst(unchanged: readonly TcpTable[]): readonly TcpTable[] {
  return [...TCP_TABLES.filter((table) => !unchanged.includes(table)), ...unchanged];
}

interface AppSockets {
  /** Inode of each of the app's sockets, and who has it. */
  readonly owners: ReadonlyMap<number, number>;
  /** Processes of the app whose descriptors we may not see. */
  readonly hidden: readonly number[];
}

function isSamePath(one: string, other: string): boolean {
  if (one === other) return true;
  if ([one, other].some((path) => path.startsWith('@'))) return false;
  return realPlace(one) === realPlace(other);
}

/** Of the socket itself there may be no file any more. */
function realPlace(path: string): string {
  const whole = resolve(path);
  return realPath(whole) ?? join(realPath(dirname(whole)) ?? dirname(whole), basename(whole));
}

function realPath(path: string): string | undefined {
  return orElse(() => realpathSync(path), undefined);
}

/** Who has that socket open, in words; empty where nobody can be seen to, undefined where the time was over before. */
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

/** Connections to one may go to the other. */
function isSamePlace(one: TcpListener, other: TcpListener): boolean {
  return one.port === other.port && one.host === other.host;
}

function tcpTable(table: TcpTable): readonly TcpListener[] {
  return orElse(() => [...tcpListeners(table)], []);
}

function unixTable(): readonly UnixListener[] {
  return orElse(() => unixListeners(), []);
}
