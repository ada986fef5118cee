/** How a datagram gets to the notify socket. Each transport is one small file in transports/. */

export type SendOutcome =
  | 'sent'
  /** The receiver's queue is full: the same datagram has to be tried again (unix(7), EAGAIN). */
  | 'full'
  /** An error code such as `ECONNREFUSED`: nobody listens at present. */
  | { readonly error: string };

export interface NotifyTransport {
  /** For the log at debug level. */
  readonly name: string;
  /** Sends one datagram without blocking. */
  trySend(datagram: Uint8Array): SendOutcome;
}
