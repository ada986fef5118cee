/** What a probe is made with, beside its spec. */
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
  /** Whose the listening sockets are. */
  readonly listeners: Listeners;
  /** What stands at a path: something to compare with, undefined for nothing. */
  readonly stamp: (path: string) => string | undefined;
  /** What stood there before the app was started. */
  readonly stampBefore: (path: string) => string | undefined;
  /** The kernel's count of sockets before the app was started. Of the first wait alone. */
  readonly socketsBefore?: SocketsInUse | undefined;
  /** The environment for commands of ours: the app's, without its notify socket. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly timing: PollTiming;
  /** One line for the operator, about something that a probe cannot do. */
  readonly warn: (message: string) => void;
  /** One for whoever looks closer: by which rule it was judged. */
  readonly debug: (message: string) => void;
}
