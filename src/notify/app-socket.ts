/**
 * The notify socket that the app sees: ours. A message to systemd's own would come from a process that is not the main
 * one, or is gone by the time systemd looks whose it was; ours are from neither (NotifyAccess= in systemd.service(5)).
 */
import { type BoundSocket, bindNotifySocket } from './bind.ts';
import { createDelivery } from './delivery.ts';
import { type AppNotice, parseAppNotice } from './parse.ts';
import { receiveByStream } from './stream-socket.ts';
import type { AppNoticeSource } from './types.ts';

export { NoSocket } from './bind.ts';

export interface AppNotifySocket extends AppNoticeSource, BoundSocket {}

/**
 * Binds the socket. What arrives before anybody listens is kept for those who do.
 * @param env of the wrapper
 * @throws {NoSocket}
 */
export async function openAppNotifySocket(env: NodeJS.ProcessEnv): Promise<AppNotifySocket> {
  const delivery = createDelivery<AppNotice>();
  const onDatagram = (datagram: Uint8Array) => {
    const notice = parseAppNotice(datagram);
    if (notice) delivery.tell(notice);
  };
  const socket = await bindNotifySocket(env, onDatagram, receiveByStream);
  return {
    ...socket,
    onNotice: delivery.listen,
    drained: delivery.drained,
    close() {
      delivery.close();
      socket.close();
    },
  };
}
