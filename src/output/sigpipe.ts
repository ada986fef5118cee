/**
 * Tells a SIGPIPE that somebody sent from one that our own write raised. Node ignores SIGPIPE, but as we listen for it
 * (to pass it on), each of our writes to a closed pipe raises one too, and the app must not get that. The write's EPIPE
 * is seen before the signal's event, because libuv runs signal events last in a turn of the loop.
 */
let own = 0;

/** One of our own writes has just failed with EPIPE. */
export function noteOwnEpipe(): void {
  own += 1;
}

/** @returns whether the SIGPIPE that has just arrived is from a write of our own */
export function takeOwnSigpipe(): boolean {
  const mine = own > 0;
  own = 0;
  return mine;
}
