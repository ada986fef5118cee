/**
 * The notify socket that the app sees: ours. A message to systemd's own would come from a process that is not the main
 * one, or is gone by the time systemd looks whose it was; ours are from neither (NotifyAccess= in systemd.service(5)).
 */
import { type AppNotice, parseAppNotice } from '../core/app-notice.ts';
import type { Environment } from '../core/environment.ts';
import { createHub } from '../core/hub.ts';
import type { AppNoticeSource } from '../core/ports.ts';
import { type BoundSocket, bindNotifySocket } from './bound-socket.ts';
import { receiveByStream } from './client-socket.ts';

export { NoSocket } from './bound-socket.ts';

export interface AppNotifySocket extends AppNoticeSource, BoundSocket {}

/**
 * Binds the socket. What arrives before anybody listens is kept for those who do.
 * @param env of the wrapper
 * @throws {NoSocket}
 */
export async function openAppNotifySocket(env: Environment): Promise<AppNotifySocket> {
  const hub = createHub<AppNotice>();
  const onDatagram = (datagram: Uint8Array) => {
    const notice = parseAppNotice(datagram);
    if (notice) hub.tell(notice);
  };
  const socket = await bindNotifySocket(env, onDatagram, receiveByStream);
  return {
    path: socket.path,
    receiver: socket.receiver,
    onNotice: hub.listen,
    drained: hub.drained,
    close() {
      hub.close();
      socket.close();
    },
  };
}
