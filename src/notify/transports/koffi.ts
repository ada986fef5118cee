/**
 * Notify sockets with koffi, which is prebuilt for all versions of Node. So it works if unix-dgram was not compiled, or
 * was compiled for another version.
 */
import { loadByKoffi } from '../../base/koffi.ts';
import type { NotifyAddress } from '../address.ts';
import type { NotifyTransport, Receive } from '../transport.ts';
import { receiveBy, senderBy } from './libc-socket.ts';

/** @throws any error of loading the addon or creating the socket */
export async function openKoffi(address: NotifyAddress): Promise<NotifyTransport> {
  return senderBy('koffi', await loadByKoffi(), address);
}

export const receiveByKoffi: Receive = async (path, onDatagram) => receiveBy(await loadByKoffi(), path, onDatagram);
