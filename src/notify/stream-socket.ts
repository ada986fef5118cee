/** The stream socket for sd-ready-wrap/client: the same states as to the notify socket, each ended by a NUL. */
import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { SOCKET_PATH_MAX } from '../base/socket-path.ts';
import { DATAGRAM_MAX } from './state.ts';
import type { Receiver } from './transport.ts';

/** One that is longer than a datagram may be is cut, and still too long. Where the socket cannot be, there is none. */
export async function receiveByStream(
  path: string,
  mode: number,
  onDatagram: (datagram: Uint8Array) => void,
): Promise<Receiver> {
  const none = { close() {} };
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX) return none;
  const server = createServer((socket) => {
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (piece: Buffer) => {
      rest = Buffer.concat([rest, piece]);
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
        onDatagram(rest.subarray(0, end));
        rest = rest.subarray(end + 1);
      }
      rest = rest.subarray(0, DATAGRAM_MAX + 1);
    });
    socket.on('error', () => {});
  });
  const listening = await new Promise<boolean>((resolve) => {
    server.on('error', () => resolve(false));
    server.listen(path, () => resolve(true));
  });
  if (!listening) return none;
  chmodSync(path, mode);
  return { close: () => server.close() };
}
