/** Asks about a datagram socket without an addon. */
import { connect } from 'node:net';

/** Whether one is at that path that we may send to: a stream cannot be connected to it, and connect(2) says why. */
export function isDatagramSocket(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'EPROTOTYPE'));
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
  });
}
