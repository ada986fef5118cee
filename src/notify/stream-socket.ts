/** The stream socket for sd-ready-wrap/client; see STREAM_SUFFIX. */
import { createServer } from 'node:net';
import { readFrames } from '../base/frames.ts';
import { withSocketUmask } from '../base/private-directory.ts';
import { SOCKET_PATH_MAX } from '../base/socket-path.ts';
import { DATAGRAM_MAX } from './state.ts';
import type { Receiver } from './transport.ts';

/** One per thread or process of the app that uses the client. */
const CONNECTIONS_MAX = 100;

/** Does nothing if the socket cannot be bound. */
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
