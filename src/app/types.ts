/** What the floors above the core are given by the adapters: types only, so that nobody depends on an adapter. */

import type { Disposer } from '../base/clock.ts';
import type { ExitStatus } from '../base/exit-status.ts';
import type { LogLevel } from '../lifecycle/words.ts';
import type { AppNotice } from '../notify/parse.ts';
import type { NotifyState } from '../notify/state.ts';
import type { TcpTable } from '../sockets/rows.ts';

export type OutputStream = 'stdout' | 'stderr';

/** What a probe may see of the app. */
export interface AppSigns {
  /** Every piece that the app writes to a watched stream, as bytes, while the disposer was not called. */
  onOutput(stream: OutputStream, listener: (piece: Uint8Array) => void): Disposer;
  /** Every message that the app sends over the Node IPC channel (`process.send`). */
  onMessage(listener: (message: unknown) => void): Disposer;
  /** Every piece that the app writes to a descriptor of `--fd`, and its end. */
  onDescriptor(fd: number, listener: (piece: Uint8Array | 'end') => void): Disposer;
}

/** What the app says to the notify socket that it sees. */
export interface AppNotices {
  /** Every datagram that systemd would take. */
  onNotice(listener: (notice: AppNotice) => void): Disposer;
}

/** The same for whoever has to know that all was told. */
export interface AppNoticeSource extends AppNotices {
  /** Resolves once what was sent so far has been told. */
  drained(): Promise<void>;
}

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

/** The app's process. */
export interface App extends AppSigns {
  readonly pid: number;
  /** Resolves at the app's death, which a grandchild that holds its pipes open does not delay. */
  readonly exited: Promise<ExitStatus>;
  /** Resolves when all that the app wrote before its death is passed on. Call it after {@link exited}. */
  drained(): Promise<void>;
  /** False from the moment of its death, even before it was waited for. */
  isAlive(): boolean;
  /**
   * Makes it the manager's own child, if it was started for that.
   * @returns why it is not, if it is not
   */
  orphan(): Promise<string | undefined>;
  /** @returns the error code of kill(2) where it failed: `EPERM` */
  kill(signal: string): string | undefined;
}

/** Tells systemd. */
export interface Notifier {
  /** Queues one datagram. They arrive in order; what cannot be sent yet is tried again. */
  send(state: NotifyState): void;
  /** Resolves when all of it is sent. */
  sent(): Promise<void>;
  /** Stops trying: what systemd has not taken by now is dropped. */
  close(): void;
}

export interface Log {
  write(level: LogLevel, event: string, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** The last: resolves once all is written, or cannot be. */
  end(): Promise<void>;
}
