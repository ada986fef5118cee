/** The stream socket for sd-ready-wrap/client: the same states as to the notify socket, each ended by a NUL. */
import { createServer } from 'node:net';
import { readFrames } from '../base/frames.ts';
import { withSocketUmask } from '../base/private-directory.ts';
import { SOCKET_PATH_MAX } from '../base/socket-path.ts';
import { DATAGRAM_MAX } from './state.ts';
import type { Receiver } from './transport.ts';

/** Of processes of one app. */
const CONNECTIONS_MAX = 100;

/** Where the socket cannot be, there is none. */
export async function receiveByStream(path: string, onDatagram: (datagram: Uint8Array) => void): Promise<Receiver> {
  const none = { close() {} };
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX) return none;
  const server = createServer((socket) => {
    readFrames(socket, { end: 0, max: DATAGRAM_MAX, onFrame: onDatagram, onTooLong() {} });
    socket.on('error', () => {});
  });
  server.maxConnections = CONNECTIONS_MAX;
  const listening = await new Promise<boolean>((resolve) => {
    server.on('error', () => resolve(false));
    withSocketUmask(() => server.listen(path, () => resolve(true)));
  });
  return listening ? { close: () => server.close() } : none;
}
