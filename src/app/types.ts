/** The app's process as the other modules see it: types only, so that they do not depend on how it is run. */
import type { Disposer } from '../base/clock.ts';
import type { ExitStatus } from '../base/exit-status.ts';

export type OutputStream = 'stdout' | 'stderr';

/** The part of the app that probes see. */
export interface AppOutput {
  /** Every piece that the app writes to a watched stream, as bytes, until the disposer is called. */
  onOutput(stream: OutputStream, listener: (piece: Uint8Array) => void): Disposer;
  /** Every message that the app sends over the Node IPC channel (`process.send`). */
  onMessage(listener: (message: unknown) => void): Disposer;
  /** Every piece that the app writes to a descriptor of `--fd`, and its end. */
  onDescriptor(fd: number, listener: (piece: Uint8Array | 'end') => void): Disposer;
}

/** The app's process. */
export interface App extends AppOutput {
  readonly pid: number;
  /** Resolves at the app's death, even if a grandchild still holds its pipes open. */
  readonly exited: Promise<ExitStatus>;
  /** Resolves when the app's output from before its death is relayed. Call it after {@link exited}. */
  drained(): Promise<void>;
  /** False from the moment of its death, even while it is a zombie. */
  isAlive(): boolean;
  /**
   * Makes it the manager's own child, if it was started for that.
   * @returns why it did not; undefined for success
   */
  orphan(): Promise<string | undefined>;
  /** Reports problems between the app and the wrapper, one line each, from the start on. One listener. */
  onTrouble(listener: (message: string) => void): void;
  /** @returns undefined for success, else the error code of kill(2), e.g. `EPERM` */
  kill(signal: string): string | undefined;
}
