/** The types for owners of listening sockets and acceptors of connections. */
import type { Socket } from 'node:net';
import { hostPort, type TcpTable } from './rows.ts';

/** The owner of a listening socket. */
export type Ownership =
  | { readonly by: 'app' }
  | Shared
  /** Inherited from systemd (socket activation): connections succeed before any process serves them. */
  | { readonly by: 'systemd' }
  /** `holder` names the process, if it is visible: `nginx (pid 77)`. */
  | { readonly by: 'other'; readonly holder: string }
  /** No socket of this network namespace: a forwarded port, such as that of a container. */
  | { readonly by: 'elsewhere' }
  /** The sockets from before the start are still being read: try again. */
  | { readonly by: 'unknown' };

/**
 * Other processes may accept connections there too, because the listener was inherited or they also listen
 * (SO_REUSEPORT). Only the acceptor of a connection shows whether it reached the app.
 */
export interface Shared {
  readonly by: 'shared';
  /** The inodes of the listening sockets. */
  readonly inodes: readonly number[];
  /** The owner to assume if the kernel hides the acceptor. */
  readonly otherwise: Exclude<Ownership, Shared> | undefined;
}

/** The acceptor of a connection. */
export type Acceptance = (
  | { readonly by: 'app' }
  /** No process has accepted yet. */
  | { readonly by: 'waiting' }
  | { readonly by: 'hidden' }
  /** `closed`: the connection was closed before the check, so that the acceptor may have been the app. */
  | { readonly by: 'other'; readonly holder: string; readonly closed?: boolean }
) & {
  readonly seenBy: 'netlink' | '/proc';
  /** CPU time of the check, ms. */
  readonly spent: number;
};

/** The listening sockets of this network namespace and their owners. */
export interface Listeners {
  /**
   * The process that accepts a connection to that address; undefined if unknown.
   * @param host an IP address
   * @param unchanged tables without a new socket since the last refused connection: they are read last
   */
  ownerOf(host: string, port: number, unchanged?: readonly TcpTable[]): Ownership | undefined;
  /**
   * The process that listens at that path of a Unix socket; undefined if unknown.
   * @param isOld whether the file is from before the start
   */
  ownerOfPath(path: string, isOld: boolean): Ownership | undefined;
  /**
   * The process that accepted our connection to a shared listener.
   * @param path the path, for a Unix socket
   */
  acceptorOf(connection: Socket, listener: Shared, path?: string): Promise<Acceptance>;
  /** Whether this process inherited a listening socket. It counts once the app polls it. */
  inherits(): boolean;
  /** Whether two paths lead to the same Unix socket, also through a symbolic link (/var/run is /run). */
  isSamePath(one: string, other: string): boolean;
  /**
   * Watches the app's sockets. Each call of the returned function gives all listening sockets of the app; its parameter
   * names the tables that changed since the last call. An inherited socket is included once the app polls it.
   * @param path where a renamed Unix socket is searched, beside the directory of its old name
   */
  ofApp(kinds: 'tcp' | 'tcp and unix', path?: string): (changed: readonly TcpTable[]) => readonly ListeningSocket[];
}

export type ListeningSocket = (
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      /** Whether it is Node's inspector, by the command line of its process. */
      readonly inspector: boolean;
    }
  /** The path to which it was bound or renamed, or @name. `gone`: the file does not exist. */
  | { readonly kind: 'unix'; readonly path: string; readonly gone?: boolean }
) & {
  /** Distinguishes it from another socket at the same address. */
  readonly inode?: number;
  /** A process that has it open, if visible. */
  readonly pid?: number | undefined;
  /** From systemd, and the app polls it. */
  readonly inherited?: boolean;
  /** It may be another program's, because the app's sockets are hidden: it counts only if the operator named it. */
  readonly doubtful?: boolean;
};

/** For messages: `[::1]:80`, or the path. */
export function addressOf(socket: ListeningSocket): string {
  return socket.kind === 'unix' ? socket.path : hostPort(socket.host, socket.port);
}
