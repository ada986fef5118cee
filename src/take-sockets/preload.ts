/**
 * Runs in the app's Node before the app does, and lets its servers listen on the sockets that systemd passed
 * (`--take-sockets`). It steps in where net.js makes the handle of a server, behind the lookup of the host: in
 * `_listen2`, whose name Node keeps for code that wraps it (listenInCluster in lib/net.js), and, for the workers of a
 * cluster without round robin, in `_createServerHandle` (lib/internal/cluster/shared_handle.js). All else is Node's:
 * what a server does with a handle, its events, its address.
 *
 * Nothing else of the app may change by it; it throws nothing, whatever is wrong.
 */
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { preloadNumbers } from '../base/as-preload.ts';
import { REPORT_FILE, TAKE_VARIABLE } from './hand-over.ts';
import { type Asked, choose, type Place } from './place.ts';
import type { ReportLine } from './report.ts';

/** A TCP handle of libuv, as far as it is used here (src/tcp_wrap.cc). */
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

type Where = readonly [address: string | null, port: number | null, addressType: number | null];
type Listen2 = (this: Server, ...args: [...Where, backlog: number, fd?: number, flags?: number]) => void;
/** Gives the number of an error instead. */
type CreateServerHandle = (...args: [...Where, fd?: number, flags?: number]) => Handle | number;

/** What net.js exports for other parts of Node. */
const internals = net as unknown as { _createServerHandle: CreateServerHandle };
const servers = net.Server.prototype as unknown as {
  _listen2: Listen2;
  listen: (this: Server, ...args: unknown[]) => unknown;
};

// as they are now: the app may put others in their place
const { fstatSync, openSync, writeSync } = fs;
const { _createServerHandle: createServerHandle } = internals;
const { _listen2: listen2, listen } = servers;

/** UV_TCP_IPV6ONLY of uv.h. */
const IPV6_ONLY = 1;

/** An app that looks for a free port asks for many. */
const MOST_REPORTED = 50;

const fds = preloadNumbers(__filename, TAKE_VARIABLE);
if (fds && [createServerHandle, listen2, listen].every((each) => typeof each === 'function')) begin(fds);

interface Socket extends Place {
  readonly fd: number;
  readonly handle: Handle;
  readonly inode: number;
  /** No server has it. */
  free: boolean;
}

function begin(given: readonly number[]): void {
  const report = openReport();
  // at once: systemd has made the socket, which others share, a blocking one (NonBlocking= in systemd.exec(5)), and an
  // instance that runs already can hang in accept(2) if another takes its connection
  const sockets = given.flatMap(openSocket);
  report({ passed: sockets.map(placeOf) });

  /** The handle for a server that is about to listen; undefined if it has to bind by itself. */
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

  /** An app that knows socket activation listens on the descriptor itself. */
  const leave = (fd: number) => {
    const socket = sockets.find((each) => each.fd === fd);
    if (!socket) return;
    socket.free = false;
    report({ took: placeOf(socket) });
  };

  const named = new WeakSet<Server>();

  servers.listen = function (...args) {
    const [first, second] = args;
    const host = typeof first === 'object' && first !== null ? (first as { host?: unknown }).host : second;
    if (typeof host === 'string' && /^localhost\.?$/i.test(host)) named.add(this);
    else named.delete(this);
    return listen.apply(this, args);
  };

  servers._listen2 = function (address, port, addressType, backlog, fd, flags) {
    if (typeof fd === 'number') leave(fd);
    const asked = this._handle ? undefined : askedOf(address, port, fd, flags, named.has(this));
    const socket = asked && take(asked);
    if (!socket) return listen2.call(this, address, port, addressType, backlog, fd, flags);
    this._handle = socket.handle;
    listen2.call(this, socket.host, socket.port, socket.host.includes(':') ? 6 : 4, backlog, fd, flags);
  };

  internals._createServerHandle = (address, port, addressType, fd, flags) => {
    if (typeof fd === 'number') leave(fd);
    const asked = askedOf(address, port, fd, flags);
    return (asked && take(asked)?.handle) ?? createServerHandle(address, port, addressType, fd, flags);
  };
}

/** Undefined for a descriptor, a path and a port that is up to the kernel. */
function askedOf(address: Where[0], port: Where[1], fd?: number, flags = 0, localhost = false): Asked | undefined {
  if (typeof fd === 'number' || typeof port !== 'number' || port <= 0) return undefined;
  return { host: address ?? '::', port, ...(flags & IPV6_ONLY && { ipv6Only: true }), ...(localhost && { localhost }) };
}

/** A listening TCP socket; none for anything else. */
function openSocket(fd: number): readonly Socket[] {
  try {
    const handle = createServerHandle(null, null, null, fd);
    if (typeof handle === 'number') return [];
    // it is not the app's yet: https://nodejs.org/api/process.html#processgetactiveresourcesinfo
    handle.unref();
    const name: { address?: string; port?: number } = {};
    if (handle.getsockname(name) !== 0 || !name.address || !name.port || handle.getpeername({}) === 0) return [];
    const socket = { host: name.address, port: name.port, fd, handle, inode: fstatSync(fd).ino, free: true };
    // a descriptor cannot be had twice in Node, so what is closed rests until a server listens again
    const { close } = handle;
    handle.close = () => {
      if (rest(handle)) socket.free = true;
      else close.call(handle);
    };
    return [socket];
  } catch {
    return [];
  }
}

/** Stops polling the socket: only what reads can be stopped (uv_read_stop in src/unix/stream.c of libuv). */
function rest(handle: Handle): boolean {
  handle.unref();
  return handle.readStart() === 0 && handle.readStop() === 0;
}

/** The app may have closed the descriptor, and may have another file there by now. */
function isFree({ free, fd, inode }: Socket): boolean {
  try {
    return free && fstatSync(fd).ino === inode;
  } catch {
    return false;
  }
}

/** For an app that wants no IPv4 it is found out whether the socket takes it: then no other can be bound for it. */
function withIpv6Only(socket: Socket, asked: Asked): Socket {
  if (!asked.ipv6Only || socket.host !== '::' || socket.port !== asked.port) return socket;
  const other = createServerHandle('0.0.0.0', socket.port, 4);
  if (typeof other === 'number') return socket;
  // libuv tells of EADDRINUSE later (uv__tcp_bind in src/unix/tcp.c)
  const ipv6Only = other.getsockname({}) === 0;
  other.close();
  return { ...socket, ipv6Only };
}

function placeOf({ host, port }: Socket): Place {
  return { host, port };
}

/** To a file beside this one, as long as the descriptor leads there. Each line once. */
function openReport(): (line: ReportLine) => void {
  const told = new Set<string>();
  try {
    const fd = openSync(path.join(__dirname, REPORT_FILE), 'a');
    const { ino, dev } = fstatSync(fd);
    return (line) => {
      const text = `${JSON.stringify(line)}\n`;
      if (told.has(text) || ('asked' in line && told.size >= MOST_REPORTED)) return;
      told.add(text);
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
