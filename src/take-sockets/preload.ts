/**
 * Runs in the app's Node before the app and lets its servers listen on the sockets that systemd passed
 * (`--take-sockets`). It wraps the functions in which net.js creates a server's handle, after the host lookup:
 * `_listen2`, a name that Node keeps for such wrappers (listenInCluster in lib/net.js), and, for cluster workers
 * without round robin, `_createServerHandle` (lib/internal/cluster/shared_handle.js). Node does the rest: how a server
 * uses the handle, its events, its address.
 *
 * It must not change the app in any other way, and never throws.
 */
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { preloadNumbers } from '../base/as-preload.ts';
import { orElse } from '../base/or-else.ts';
import { REPORT_FILE, TAKE_VARIABLE } from './hand-over.ts';
import { type Asked, choose, type Place } from './place.ts';
import type { ReportLine } from './report.ts';

/** The used part of Node's TCP handle (src/tcp_wrap.cc). */
interface Handle {
  close(): void;
  getpeername(out: object): number;
  getsockname(out: { address?: string; port?: number }): number;
  readStart(): number;
  readStop(): number;
  ref(): void;
  unref(): void;
}

interface Server {
  _handle: Handle | null;
}

type Bind = readonly [address: string | null, port: number | null, addressType: number | null];
type Listen2 = (this: Server, ...args: [...Bind, backlog: number, fd?: number, flags?: number]) => void;
/** Returns a number if it fails: the error. */
type CreateServerHandle = (...args: [...Bind, fd?: number, flags?: number]) => Handle | number;

/** Exports of net.js for other parts of Node. */
const internals = net as unknown as { _createServerHandle: CreateServerHandle };
const servers = net.Server.prototype as unknown as {
  _listen2: Listen2;
  listen: (this: Server, ...args: unknown[]) => unknown;
};

// the originals: the app may replace them later
const { fstatSync, openSync, writeSync } = fs;
const { _createServerHandle: createServerHandle } = internals;
const { _listen2: listen2, listen } = servers;

/** UV_TCP_IPV6ONLY of uv.h. */
const IPV6_ONLY = 1;

/** A limit, because an app that searches a free port tries many. */
const MOST_REPORTED = 50;

const fds = preloadNumbers(__filename, TAKE_VARIABLE);
if (fds && [createServerHandle, listen2, listen].every((each) => typeof each === 'function')) begin(fds);

interface Socket extends Place {
  readonly fd: number;
  readonly handle: Handle;
  readonly inode: number;
  /** Whether no server uses it. */
  free: boolean;
}

function begin(given: readonly number[]): void {
  const report = openReport();
  // opened at once, which sets O_NONBLOCK: systemd has made the shared socket blocking (NonBlocking= in
  // systemd.exec(5)), and a running instance would hang in accept(2) if another one takes its connection
  const sockets = given.flatMap(openSocket);
  report({ passed: sockets.map(placeOf) });

  /** The socket for a server that is about to listen; undefined if the server must bind its own. */
  const take = (asked: Asked): Socket | undefined => {
    try {
      report({ asked });
      const free = sockets.filter(isFree).map((socket) => withIpv6Only(socket, asked));
      const found = choose(free, asked);
      const socket = sockets.find(({ fd }) => fd === found?.fd);
      if (!socket) return undefined;
      socket.free = false;
      socket.handle.ref();
      report({ took: placeOf(socket) });
      return socket;
    } catch {
      return undefined;
    }
  };

  /** For an app that supports socket activation and listens on the descriptor itself. */
  const markTaken = (fd: number) => {
    const socket = sockets.find((each) => each.fd === fd);
    if (!socket) return;
    socket.free = false;
    report({ took: placeOf(socket) });
  };

  const onLocalhost = new WeakSet<Server>();

  servers.listen = function (...args) {
    const [first, second] = args;
    const host = typeof first === 'object' && first !== null ? (first as { host?: unknown }).host : second;
    if (typeof host === 'string' && /^localhost\.?$/i.test(host)) onLocalhost.add(this);
    else onLocalhost.delete(this);
    return listen.apply(this, args);
  };

  servers._listen2 = function (address, port, addressType, backlog, fd, flags) {
    if (typeof fd === 'number') markTaken(fd);
    const asked = this._handle ? undefined : askedOf(address, port, fd, flags, onLocalhost.has(this));
    const socket = asked && take(asked);
    if (!socket) return listen2.call(this, address, port, addressType, backlog, fd, flags);
    this._handle = socket.handle;
    listen2.call(this, socket.host, socket.port, socket.host.includes(':') ? 6 : 4, backlog, fd, flags);
  };

  internals._createServerHandle = (address, port, addressType, fd, flags) => {
    if (typeof fd === 'number') markTaken(fd);
    const asked = askedOf(address, port, fd, flags);
    return (asked && take(asked)?.handle) ?? createServerHandle(address, port, addressType, fd, flags);
  };
}

/** The requested address; undefined for a descriptor, a path, and port 0. */
function askedOf(address: Bind[0], port: Bind[1], fd?: number, flags = 0, localhost = false): Asked | undefined {
  if (typeof fd === 'number' || typeof port !== 'number' || port <= 0) return undefined;
  return { host: address ?? '::', port, ...(flags & IPV6_ONLY && { ipv6Only: true }), ...(localhost && { localhost }) };
}

/** The socket if it is a listening TCP socket, else none. */
function openSocket(fd: number): readonly Socket[] {
  try {
    const handle = createServerHandle(null, null, null, fd);
    if (typeof handle === 'number') return [];
    // unused so far, so it must not keep the app running
    // (https://nodejs.org/api/process.html#processgetactiveresourcesinfo)
    handle.unref();
    const name: { address?: string; port?: number } = {};
    if (handle.getsockname(name) !== 0 || !name.address || !name.port || handle.getpeername({}) === 0) return [];
    const socket = { host: name.address, port: name.port, fd, handle, inode: fstatSync(fd).ino, free: true };
    // Node cannot open a descriptor twice, so a closed handle only stops until a server listens again
    const { close } = handle;
    handle.close = () => {
      if (stopPolling(handle)) socket.free = true;
      else close.call(handle);
    };
    return [socket];
  } catch {
    return [];
  }
}

/** Reads first, because only a reading handle can be stopped (uv_read_stop in src/unix/stream.c of libuv). */
function stopPolling(handle: Handle): boolean {
  handle.unref();
  return handle.readStart() === 0 && handle.readStop() === 0;
}

/** False too if the app closed the descriptor or reused its number. */
function isFree({ free, fd, inode }: Socket): boolean {
  return orElse(() => free && fstatSync(fd).ino === inode, false);
}

/** If the app wants IPv6 only, finds out whether the socket accepts IPv4: then 0.0.0.0 cannot be bound on its port. */
function withIpv6Only(socket: Socket, asked: Asked): Socket {
  if (!asked.ipv6Only || socket.host !== '::' || socket.port !== asked.port) return socket;
  const other = createServerHandle('0.0.0.0', socket.port, 4);
  if (typeof other === 'number') return socket;
  // libuv reports EADDRINUSE later (uv__tcp_bind in src/unix/tcp.c)
  const ipv6Only = other.getsockname({}) === 0;
  other.close();
  return { ...socket, ipv6Only };
}

function placeOf({ host, port }: Socket): Place {
  return { host, port };
}

/** Writes each line once to a file beside this one, while the descriptor still refers to that file. */
function openReport(): (line: ReportLine) => void {
  const written = new Set<string>();
  try {
    const fd = openSync(path.join(__dirname, REPORT_FILE), 'a');
    const { ino, dev } = fstatSync(fd);
    return (line) => {
      const text = `${JSON.stringify(line)}\n`;
      if (written.has(text) || ('asked' in line && written.size >= MOST_REPORTED)) return;
      written.add(text);
      try {
        const now = fstatSync(fd);
        if (now.ino === ino && now.dev === dev) writeSync(fd, text);
      } catch {
        // closed by the app
      }
    };
  } catch {
    return () => {};
  }
}
