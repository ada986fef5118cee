/** What is said to systemd, and what the app says, as the rest of the program sees it. */
import type { Disposer } from '../base/clock.ts';
import type { AppNotice } from './parse.ts';
import type { NotifyState } from './state.ts';

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

/** Tells systemd. */
export interface Notifier {
  /** Queues one datagram. They arrive in order; what cannot be sent yet is tried again. */
  send(state: NotifyState): void;
  /** Resolves when all of it is sent. */
  sent(): Promise<void>;
  /** Stops trying: what systemd has not taken by now is dropped. */
  close(): void;
}
