/**
 * A notify socket of the wrapper in place of systemd's, so that notifications take the usual path. They are reported
 * when they are sent, not when they are received, so that they are in order with the rest of the log.
 */
import type { Clock } from '../base/clock.ts';
import { bindNotifySocket } from '../notify/bind.ts';
import { openNotifySocket } from '../notify/open.ts';
import { encode, statusLine } from '../notify/state.ts';
import type { NotifyTransport } from '../notify/transport.ts';

export interface Notification {
  readonly assignments: readonly string[];
  /** When it was sent: ms of the clock. */
  readonly at: number;
}

export interface PrivateNotifySocket {
  readonly transport: NotifyTransport;
  /** The reason if the socket could not be made; notifications are then only reported. */
  readonly problem: string | undefined;
  /** Reports all notifications, including the first from before the start of the app. One listener. */
  onNotification(listener: (notification: Notification) => void): void;
  close(): void;
}

/** @param env the wrapper's environment */
export async function openPrivateNotifySocket(env: NodeJS.ProcessEnv, clock: Clock): Promise<PrivateNotifySocket> {
  const first = statusLine('Starting');
  const notificationOf = (datagram: Uint8Array) => ({ assignments: decode(datagram), at: clock.now() });
  let report = (_: Notification): void => {};
  let close = () => {};
  let problem: string | undefined;
  let sender: NotifyTransport = { name: 'no socket', trySend: () => 'sent' };
  try {
    // read and discard datagrams, so that the queue is never full
    const socket = await bindNotifySocket(env, () => {});
    close = socket.close;
    sender = await openNotifySocket({ type: 'path', name: socket.path }, first);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  const firstNotification = notificationOf(encode(first));
  return {
    transport: {
      name: sender.name,
      trySend(datagram) {
        const outcome = sender.trySend(datagram);
        if (outcome === 'sent') report(notificationOf(datagram));
        return outcome;
      },
    },
    problem,
    onNotification(listener) {
      report = listener;
      listener(firstNotification);
    },
    close,
  };
}

/** The reverse of encode() in notify/state.ts. */
function decode(datagram: Uint8Array): readonly string[] {
  return new TextDecoder()
    .decode(datagram)
    .split(/(?<!\\)\n/)
    .map((assignment) => assignment.replace(/\\(.)/gs, '$1'));
}
