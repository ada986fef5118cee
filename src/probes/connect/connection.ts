/** How probes close their connections. */
import type { Socket } from 'node:net';
import { noteOwnEpipe } from '../../output/sigpipe.ts';

/** How long the app may take to close our connection, ms. */
export const LEAVE_TIMEOUT = 1000;

/**
 * Closes a connection gracefully: reads the app's data until the app closes its end. A reset would be an ECONNRESET in
 * the app, which crashes a Node server that writes first and has no 'error' listener.
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
