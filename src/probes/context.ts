/** What a probe gets beside its spec. */
import type { AppOutput } from '../app/types.ts';
import type { Clock } from '../base/clock.ts';
import type { AppNotices } from '../notify/types.ts';
import type { Listeners } from '../sockets/ownership.ts';
import type { SocketsInUse } from './connect/tcp-sockets.ts';
import type { PollTiming } from './poll.ts';

export interface ProbeContext {
  readonly app: AppOutput;
  /** The app's sd_notify messages. */
  readonly notices: AppNotices;
  /** Finds the owners of listening sockets. */
  readonly listeners: Listeners;
  /** The current state of a path, to compare with another; undefined if nothing is there. */
  readonly stamp: (path: string) => string | undefined;
  /** The state before the app was started. */
  readonly stampBefore: (path: string) => string | undefined;
  /** The kernel's count of sockets before the app was started, for the first wait only. */
  readonly socketsBefore?: SocketsInUse | undefined;
  /** The environment for our own commands: the app's, without its notify socket. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly timing: PollTiming;
  /** Warns the operator of a problem, in one line. */
  readonly warn: (message: string) => void;
  /** Logs by which rule a socket was judged. */
  readonly debug: (message: string) => void;
}
