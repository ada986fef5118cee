/** What others see of the app's process: types only, so that no one depends on how it is run. */
import type { Disposer } from '../base/clock.ts';
import type { ExitStatus } from '../base/exit-status.ts';

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
  /** Tells, a line each and from the start on, what goes wrong between the app and us. One listener. */
  onTrouble(listener: (message: string) => void): void;
  /** @returns the error code of kill(2) where it failed: `EPERM` */
  kill(signal: string): string | undefined;
}
