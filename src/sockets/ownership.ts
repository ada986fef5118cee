/** Whose the listening sockets are, as the rest of the program sees it. */
import { hostPort, type TcpTable } from './rows.ts';

/** Whose a listening socket is. */
export type Ownership =
  | { readonly by: 'app' }
  /** Inherited from systemd (socket activation): it accepts connections before anybody serves them. */
  | { readonly by: 'systemd' }
  /** `holder` is who it is, as far as it can be seen: `nginx (pid 77)`. */
  | { readonly by: 'other'; readonly holder: string }
  /** No socket of this network namespace: a forwarded port, as of a container. */
  | { readonly by: 'elsewhere' }
  /** What was there before the app, and cannot be it, is still being read: ask again. */
  | { readonly by: 'unknown' };

/** The listening sockets of this network namespace and whose they are. */
export interface Listeners {
  /**
   * Who accepts a connection to that address; undefined where that cannot be told.
   * @param host an IP address
   * @param unchanged tables that hold no new socket since a connection was refused: those are looked at last
   */
  ownerOf(host: string, port: number, unchanged?: readonly TcpTable[]): Ownership | undefined;
  /** Who listens at that path of a Unix socket; undefined where that cannot be told. */
  ownerOfPath(path: string): Ownership | undefined;
  /** Whether two paths of Unix sockets are the same place, also by way of a symbolic link (/var/run is /run). */
  isSamePath(one: string, other: string): boolean;
  /**
   * Watches the app's sockets. Each call of what it returns gives all that it has listened on so far; it is told which
   * tables had a socket added or removed since the call before.
   */
  ofApp(kinds: 'tcp' | 'tcp and unix'): (changed: readonly TcpTable[]) => readonly ListeningSocket[];
}

export type ListeningSocket = (
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      /** It is the debugger's, by the command line of the process that has it. */
      readonly inspector: boolean;
    }
  /** The path as the app wrote it, or @name. */
  | { readonly kind: 'unix'; readonly path: string }
) & {
  /**
   * The app's sockets are hidden from us, and it may be another program's: only who asks for just this one can tell.
   */
  readonly doubtful?: boolean;
};

/** For people: `[::1]:80`, or the path. */
export function addressOf(socket: ListeningSocket): string {
  return socket.kind === 'unix' ? socket.path : hostPort(socket.host, socket.port);
}
