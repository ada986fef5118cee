/** What the floors above the core are given by the adapters: types only, so that nobody depends on an adapter. */
import type { Disposer } from './clock.ts';
import type { ExitStatus } from './exit-status.ts';
import type { LogLevel } from './lifecycle.ts';
import type { NotifyState } from './notify-state.ts';

export type OutputStream = 'stdout' | 'stderr';

/** What a probe may see of the app. */
export interface AppSigns {
  /** Every piece that the app writes to a watched stream, as bytes, while the disposer was not called. */
  onOutput(stream: OutputStream, listener: (piece: Uint8Array) => void): Disposer;
  /** Every message that the app sends over the Node IPC channel (`process.send`). */
  onMessage(listener: (message: unknown) => void): Disposer;
}

/** The app's process. */
export interface App extends AppSigns {
  readonly pid: number;
  /** Resolves at the app's death, which a grandchild that holds its pipes open does not delay. */
  readonly exited: Promise<ExitStatus>;
  /** Resolves when all that the app wrote before its death is passed on. Call it after {@link exited}. */
  drained(): Promise<void>;
  /** False from the moment of its death, even before it was waited for. */
  isAlive(): boolean;
  /** @returns the error code of kill(2) where it failed: `EPERM` */
  kill(signal: string): string | undefined;
}

/** Tells systemd. */
export interface Notifier {
  /** Queues one datagram. They arrive in order; what cannot be sent yet is tried again. */
  send(state: NotifyState): void;
  /** Stops trying: what systemd has not taken by now is dropped. */
  close(): void;
}

export interface Log {
  write(level: LogLevel, event: string, message: string, fields?: Readonly<Record<string, unknown>>): void;
}
