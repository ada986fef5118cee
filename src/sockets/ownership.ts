/** Whose the listening sockets are, and who accepts their connections, as the rest of the program sees it. */
import type { Socket } from 'node:net';
import { hostPort, type TcpTable } from './rows.ts';

/** Whose a listening socket is. */
export type Ownership =
  | { readonly by: 'app' }
  | Shared
  /** Inherited from systemd (socket activation): it accepts connections before any process serves them. */
  | { readonly by: 'systemd' }
  /** `holder` is who it is, as far as it can be seen: `nginx (pid 77)`. */
  | { readonly by: 'other'; readonly holder: string }
  /** No socket of this network namespace: a forwarded port, as of a container. */
  | { readonly by: 'elsewhere' }
  /** What was there before the app, and cannot be it, is still being read: ask again. */
  | { readonly by: 'unknown' };

/**
 * Other processes may accept connections there as well: it was inherited, or others listen there too (SO_REUSEPORT).
 * Only who accepted a connection can tell.
 */
export interface Shared {
  readonly by: 'shared';
  /** Of the listening sockets. */
  readonly inodes: readonly number[];
  /** What to believe if the kernel hides who accepted. */
  readonly otherwise: Exclude<Ownership, Shared> | undefined;
}

/** Who accepted a connection. */
export type Acceptance = (
  | { readonly by: 'app' }
  /** No process has yet. */
  | { readonly by: 'waiting' }
  /** That cannot be seen. */
  | { readonly by: 'hidden' }
  /** `closed`: it has closed the connection since, so that it may have been the app. */
  | { readonly by: 'other'; readonly holder: string; readonly closed?: boolean }
) & {
  readonly seenBy: 'netlink' | '/proc';
  /** What each further look takes of the processor, ms. */
  readonly spent: number;
};

/** The listening sockets of this network namespace and whose they are. */
export interface Listeners {
  /**
   * Who accepts a connection to that address; undefined where that cannot be told.
   * @param host an IP address
   * @param unchanged tables that hold no new socket since a connection was refused: those are looked at last
   */
  ownerOf(host: string, port: number, unchanged?: readonly TcpTable[]): Ownership | undefined;
  /**
   * Who listens at that path of a Unix socket; undefined where that cannot be told.
   * @param isOld whether the file is one from before the start
   */
  ownerOfPath(path: string, isOld: boolean): Ownership | undefined;
  /**
   * Who accepted a connection of ours to such a listener.
   * @param path of a Unix socket
   */
  acceptorOf(connection: Socket, listener: Shared, path?: string): Promise<Acceptance>;
  /** Whether this process was started with a listening socket, which the app has to begin to poll. */
  inherits(): boolean;
  /** Whether two paths of Unix sockets are the same place, also by way of a symbolic link (/var/run is /run). */
  isSamePath(one: string, other: string): boolean;
  /**
   * Watches the app's sockets. Each call of what it returns gives all that it listens on; it is told which tables had a
   * socket added or removed since the call before. An inherited one counts once the app polls it.
   * @param path where a Unix socket that was renamed is looked for, beside the directory of its old name
   */
  ofApp(kinds: 'tcp' | 'tcp and unix', path?: string): (changed: readonly TcpTable[]) => readonly ListeningSocket[];
}

export type ListeningSocket = (
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      /** It is the debugger's, by the command line of the process that has it. */
      readonly inspector: boolean;
    }
  /** The path as the app wrote it, or where the file was renamed to, or @name. `gone`: there is no file any more. */
  | { readonly kind: 'unix'; readonly path: string; readonly gone?: boolean }
) & {
  /** Tells it from another at the same place. */
  readonly inode?: number;
  /** Who has it open, as far as that can be seen. */
  readonly pid?: number | undefined;
  /** From systemd, and the app polls it. */
  readonly inherited?: boolean;
  /**
   * The app's sockets are hidden from us, and it may be another program's: only who asks for just this one can tell.
   */
  readonly doubtful?: boolean;
};

/** For people: `[::1]:80`, or the path. */
export function addressOf(socket: ListeningSocket): string {
  return socket.kind === 'unix' ? socket.path : hostPort(socket.host, socket.port);
}
