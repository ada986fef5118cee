/** Notifications to systemd and from the app, as the other modules see them. */
import type { Disposer } from '../base/clock.ts';
import type { AppNotice } from './parse.ts';
import type { NotifyState } from './state.ts';

export interface AppNotices {
  /** Reports every notification of the app that systemd would accept. */
  onNotice(listener: (notice: AppNotice) => void): Disposer;
}

export interface AppNoticeSource extends AppNotices {
  /** Resolves once all notifications sent so far are reported. */
  drained(): Promise<void>;
}

/** Sends notifications to systemd. */
export interface Notifier {
  /** Queues one datagram. Keeps the order, and retries. */
  send(state: NotifyState): void;
  /** Resolves when the queue is empty. */
  sent(): Promise<void>;
  /** Drops the datagrams that are not sent yet. */
  close(): void;
}
