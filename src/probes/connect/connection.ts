/** Connections that probes make: how they take their leave. */

import type { Socket } from 'node:net';
import { noteOwnEpipe } from '../../output/sigpipe.ts';

/** How long the app may take to close a connection that it accepted from us, ms. */
export const LEAVE_TIMEOUT = 1000;

/**
 * Says goodbye to an app that accepted: reads what it sends and closes in order. To cut the connection off would be an
 * ECONNRESET in the app, which ends a Node server that speaks first and listens for no error.
 */
export function leave(socket: Socket): void {
  socket
    .removeAllListeners('error')
    .on('error', noteOwnEpipe)
    .resume()
    .end()
    .unref()
    .setTimeout(LEAVE_TIMEOUT, () => socket.destroy());
}
