/** How a datagram gets to a notify socket, and out of one of ours. Each transport is one small file in transports/. */

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

/** A datagram socket that is bound at a path. */
export interface Receiver {
  /** Closes the socket; its path stays behind. */
  close(): void;
}

/**
 * Binds a socket and tells of each datagram that arrives; of one that is longer than systemd takes, perhaps only a part
 * that is still too long. The bytes are good until `onDatagram` returns. It may be called from outside of any
 * JavaScript and not by way of node::MakeCallback, as by unix-dgram: what a promise puts off then runs only with the
 * next event of another kind (https://nodejs.org/api/n-api.html#napi_make_callback), so it has to use setImmediate. A
 * descriptor that comes with one is closed by the kernel, as there is no room for it (unix(7), recvmsg(2), MSG_CTRUNC):
 * whoever waits for that with BARRIER=1 is let go at once (sd_notify_barrier(3)).
 * @throws where the path cannot be bound, and whatever loading an addon throws
 */
export type Receive = (path: string, onDatagram: (datagram: Uint8Array) => void) => Promise<Receiver>;
