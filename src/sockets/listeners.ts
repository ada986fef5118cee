/**
 * Whose the listening sockets are. A row of the kernel's tables names an inode; who has a descriptor of that inode is
 * who listens. Another program that holds the port, the old instance above all, must never make the app ready.
 */
import { readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { orElse } from '../base/or-else.ts';
import { describeProcess } from '../base/proc.ts';
import { isEnded } from './alive.ts';
import { appPids, cgroupMembers, unitCgroup } from './app-tree.ts';
import { socketsOf } from './descriptors.ts';
import { isInspector } from './inspector.ts';
import type { Listeners, ListeningSocket, Ownership } from './ownership.ts';
import { acceptorsOf, canonicalHost, TCP_TABLES, type TcpListener, type TcpTable, type UnixListener } from './rows.ts';
import { likenessOf, userOfPath } from './socket-user.ts';
import { readAllTcpListeners, tcpListeners, unixListeners } from './tables.ts';

/** How long the search for the name of a port's holder may take: it looks at every process of the host, ms. */
const SEARCH_MS = 50;

/** How often all tables are read, though none of them seems changed, ms. */
const READ_ALL_EVERY = 1000;

/** What was there before the app was started: none of it is the app. */
export interface Before {
  readonly cgroup: string | undefined;
  readonly bystanders: ReadonlySet<number>;
  /** Inodes of the sockets that this process was started with: those of socket activation. */
  readonly inherited: ReadonlySet<number>;
  /** Inodes of what listened; undefined until they are read, on a thread. */
  readonly tcp: { inodes: ReadonlySet<number> | undefined };
  readonly unix: ReadonlySet<number>;
}

/** To be called before the app is started. */
export function rememberBefore(): Before {
  const { cgroup, inherited, tcp } = nothingKnown();
  void readAllTcpListeners().then((listeners) => {
    tcp.inodes = new Set(listeners.map(({ inode }) => inode));
  });
  const bystanders = new Set(cgroup === undefined ? [] : cgroupMembers(cgroup));
  return { cgroup, bystanders, inherited, tcp, unix: new Set(unixTable().map(({ inode }) => inode)) };
}

/** Where nobody asked in time: good enough to see what the app has, not who else was there. */
export function nothingKnown(): Before {
  return {
    cgroup: unitCgroup(),
    bystanders: new Set(),
    inherited: new Set(ownSockets()),
    tcp: { inodes: undefined },
    unix: new Set(),
  };
}

/** Those of this process itself. */
function ownSockets(): readonly number[] {
  const sockets = socketsOf('self');
  return sockets === 'hidden' ? [] : sockets;
}

/** The TCP ports on which this process itself was given a listening socket: those of socket activation. */
export function inheritedPorts({ inherited }: Before): ReadonlySet<number> {
  const ports = new Set<number>();
  if (inherited.size === 0) return ports;
  for (const table of TCP_TABLES) {
    for (const { inode, port } of tcpTable(table)) if (inherited.has(inode)) ports.add(port);
  }
  return ports;
}

/** Whether this process itself was given the Unix socket that listens at that path. */
export function isInheritedPath(path: string, { inherited }: Before): boolean {
  return unixTable().some((listener) => inherited.has(listener.inode) && isSamePath(listener.path, path));
}

/** Where no probe asks whose a socket is. */
export const untraced: Listeners = {
  ownerOf: () => undefined,
  ownerOfPath: () => undefined,
  isSamePath: (one, other) => one === other,
  ofApp: () => () => [],
};

/**
 * @param appPid the process that was started
 * @param commandLine what it was started by: it may write another over what /proc shows (process.title)
 */
export function traceListeners(appPid: number, before: Before, commandLine: readonly string[]): Listeners {
  const holders = new Map<number, string>();
  /** By process: the inode of its inspector, where only the order tells which it is. */
  const inspectors = new Map<number, number>();

  /**
   * The sockets of the app by their inodes, and the processes whose sockets cannot be seen: all of them, or up to the
   * first that is sought.
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
      if (sought.some((inode) => owners.has(inode))) break;
    }
    return { owners, hidden };
  };

  const judge = (acceptors: readonly TcpListener[]): Ownership => {
    const inodes = acceptors.map(({ inode }) => inode);
    if (inodes.some((inode) => before.inherited.has(inode))) return { by: 'systemd' };
    const app = look(inodes);
    if (inodes.some((inode) => app.owners.has(inode))) return { by: 'app' };
    // what is hidden from us may have it, if it was not there before the start
    if (app.hidden.length > 0 && !before.tcp.inodes) return { by: 'unknown' };
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

  const wasThere = (inode: number) => before.tcp.inodes?.has(inode) ?? true;

  return {
    ownerOf(host, port, unchanged = []) {
      const known: TcpListener[] = [];
      // a table that is not needed is not read: that takes milliseconds
      for (const table of changedFirst(unchanged)) {
        if (table === 'tcp' && host.includes(':')) continue;
        try {
          for (const listener of tcpListeners(table)) {
            if (listener.port !== port) continue;
            known.push(listener);
            // no need to read on, which may take long: nobody can stand before it
            if (isForemost(listener, table, host) && judge([listener]).by === 'app') return { by: 'app' };
          }
        } catch {
          return undefined;
        }
        const acceptors = acceptorsOf(known, host);
        if (acceptors.length > 0) return judge(acceptors);
      }
      return { by: 'elsewhere' };
    },

    ownerOfPath(path) {
      const there = unixTable().filter((listener) => isSamePath(listener.path, path));
      // a socket of another network namespace
      if (there.length === 0) return undefined;
      if (there.some(({ inode }) => before.inherited.has(inode))) return { by: 'systemd' };
      const { owners, hidden } = look(there.map(({ inode }) => inode));
      if (there.some(({ inode }) => owners.has(inode))) return { by: 'app' };
      if (hidden.length > 0 && there.some(({ inode }) => !before.unix.has(inode))) return undefined;
      return { by: 'other', holder: holderOf(there[0] as UnixListener) };
    },

    isSamePath,

    ofApp(kinds) {
      const found = new Map<number, ListeningSocket>();
      let known: ReadonlySet<number> = new Set();
      let allReadAt = Number.NEGATIVE_INFINITY;
      return (changed) => {
        const app = look();
        const open = [...app.owners.keys()].filter((inode) => !found.has(inode));
        const isNew = open.some((inode) => !known.has(inode));
        known = new Set(open);
        if (kinds === 'tcp and unix') addUnix(app, found);
        if (open.length === 0 && app.hidden.length === 0) return [...found.values()];

        const foundBefore = found.size;
        for (const table of changed) addTcp(table, app, found);
        // one may have come while another went, and then no table seems changed
        const mayBeMissed = isNew || performance.now() > allReadAt + READ_ALL_EVERY;
        if (mayBeMissed && found.size === foundBefore) {
          for (const table of TCP_TABLES) if (!changed.includes(table)) addTcp(table, app, found);
          allReadAt = performance.now();
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
      const pids = pid === undefined ? app.hidden : [pid];
      found.set(inode, {
        kind: 'tcp',
        host,
        port,
        inspector: pids.some((each) => isItsInspector(each, host, port, inode)),
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

  function addUnix(app: AppSockets, found: Map<number, ListeningSocket>): void {
    const ours = app.hidden.length > 0 ? ownSockets() : [];
    for (const { inode, path } of unixTable()) {
      if (found.has(inode) || before.inherited.has(inode) || ours.includes(inode)) continue;
      const isOwn = app.owners.has(inode);
      if (!isOwn && (app.hidden.length === 0 || before.unix.has(inode))) continue;
      // the file may have been given to another user since: only a hint
      found.set(inode, { kind: 'unix', path, doubtful: !isOwn && likenessOf(app.hidden, userOfPath(path)) !== 'app' });
    }
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
  const end = performance.now() + SEARCH_MS;
  for (const pid of readdirSync('/proc').map(Number)) {
    if (performance.now() > end) return undefined;
    if (Number.isNaN(pid)) continue;
    const sockets = socketsOf(pid);
    if (sockets !== 'hidden' && sockets.includes(inode)) return describeProcess(pid);
  }
  return '';
}

function tcpTable(table: TcpTable): readonly TcpListener[] {
  return orElse(() => [...tcpListeners(table)], []);
}

function unixTable(): readonly UnixListener[] {
  return orElse(() => unixListeners(), []);
}
