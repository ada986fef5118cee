/** Notify sockets with node:ffi, a part of Node from 26 on: needs no addon and no compiler. */
import { loadByNodeFfi } from '../../base/node-ffi.ts';
import type { NotifyAddress } from '../address.ts';
import type { NotifyTransport, Receive } from '../transport.ts';
import { receiveBy, senderBy } from './libc-socket.ts';

/** @throws without node:ffi, or if the socket cannot be created */
export async function openNodeFfi(address: NotifyAddress): Promise<NotifyTransport> {
  return senderBy('node:ffi', await loadByNodeFfi(), address);
}

export const receiveByNodeFfi: Receive = async (path, onDatagram) => receiveBy(await loadByNodeFfi(), path, onDatagram);
