/** Interfaces for sending to a notify socket and receiving from one. Each transport is a small file in transports/. */

export type SendOutcome =
  | 'sent'
  /** The receiver's queue is full; retry the same datagram (unix(7), EAGAIN). */
  | 'full'
  /** An error code such as `ECONNREFUSED`: nothing is listening at present. */
  | { readonly error: string };

export interface NotifyTransport {
  /** For the log at debug level. */
  readonly name: string;
  /** Sends one datagram without blocking. */
  trySend(datagram: Uint8Array): SendOutcome;
}

/** A socket that is bound at a path. */
export interface Receiver {
  /** Closes the socket, but does not remove its path. */
  close(): void;
}

/**
 * Binds a socket and calls `onDatagram` for each datagram. A datagram over systemd's limit may be truncated, but only
 * to a length that is still over the limit. The bytes are valid only during the call.
 *
 * unix-dgram calls it without node::MakeCallback: promise callbacks then run only with the next other event
 * (https://nodejs.org/api/n-api.html#napi_make_callback), so `onDatagram` has to use setImmediate.
 *
 * The kernel closes a descriptor that comes with a datagram, because recvmsg(2) is called without a buffer for it
 * (unix(7), MSG_CTRUNC). So a sender that waits with BARRIER=1 continues at once (sd_notify_barrier(3)).
 * @throws if the path cannot be bound, and any error of loading an addon
 */
export type Receive = (path: string, onDatagram: (datagram: Uint8Array) => void) => Promise<Receiver>;
