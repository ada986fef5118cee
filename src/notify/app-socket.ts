/**
 * The app's notify socket, which belongs to the wrapper. systemd would ignore notifications from a process that is not
 * the main process, or that is gone when systemd looks up its unit; the wrapper is neither (NotifyAccess= in
 * systemd.service(5)).
 */
import { type BoundSocket, bindNotifySocket } from './bind.ts';
import { createDelivery } from './delivery.ts';
import { type AppNotice, mergeAppNotices, parseAppNotice } from './parse.ts';
import { receiveByStream } from './stream-socket.ts';
import type { AppNoticeSource } from './types.ts';

export { NoSocket } from './bind.ts';

export interface AppNotifySocket extends AppNoticeSource, BoundSocket {}

/**
 * Binds the socket. Notifications are kept until there is a listener.
 * @param env the wrapper's environment
 * @throws {NoSocket}
 */
export async function openAppNotifySocket(env: NodeJS.ProcessEnv): Promise<AppNotifySocket> {
  const delivery = createDelivery(mergeAppNotices);
  let last: { readonly datagram: Buffer; readonly notice: AppNotice | undefined } | undefined;
  const onDatagram = (datagram: Uint8Array) => {
    // a flood mostly repeats the same datagram
    if (!last?.datagram.equals(datagram)) last = { datagram: Buffer.from(datagram), notice: parseAppNotice(datagram) };
    if (last.notice) delivery.tell(last.notice);
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
