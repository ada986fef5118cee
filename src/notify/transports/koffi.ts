/**
 * Notify sockets by koffi, which comes ready built for any Node, so it serves where unix-dgram was not compiled or was
 * compiled for another one.
 */
import { loadByKoffi } from '../../base/koffi.ts';
import type { NotifyAddress } from '../address.ts';
import type { NotifyTransport, Receive } from '../transport.ts';
import { receiveBy, senderBy } from './libc-socket.ts';

/** @throws whatever loading the addon throws, or if there is no socket to be had */
export async function openKoffi(address: NotifyAddress): Promise<NotifyTransport> {
  return senderBy('koffi', await loadByKoffi(), address);
}

export const receiveByKoffi: Receive = async (path, onDatagram) => receiveBy(await loadByKoffi(), path, onDatagram);
