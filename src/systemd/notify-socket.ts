/** Opens the notify socket by the first transport that works. */
import { KnownError } from '../core/errors.ts';
import { EXIT } from '../core/exit-status.ts';
import { encode, type NotifyState } from '../core/notify-state.ts';
import { type NotifyAddress, unusable } from './notify-address.ts';
import type { NotifyTransport } from './transport.ts';
import { openUnixDgram } from './transports/unix-dgram.ts';

/**
 * @param first the first datagram, sent at once: it shows whether anybody listens
 * @throws {KnownError} where no transport works or nobody listens: the unit could never become ready, so better now
 * than at the end of TimeoutStartSec=
 */
export async function openNotifySocket(address: NotifyAddress, first: NotifyState): Promise<NotifyTransport> {
  if (address.type === 'abstract') {
    throw unusable(
      `@${address.name}`,
      'abstract sockets are not served',
      'systemd gives services a path, e.g. /run/systemd/notify',
    );
  }
  let transport: NotifyTransport;
  try {
    transport = await openUnixDgram(address.name);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] as string) : String(error);
    throw new KnownError(
      `NOTIFY_SOCKET: no way to send a datagram (unix-dgram: ${reason}); rebuild the addon for this Node: npm rebuild unix-dgram`,
      EXIT.OWN_FAILURE,
    );
  }
  const outcome = transport.trySend(encode(first));
  if (typeof outcome === 'object') {
    throw unusable(
      address.name,
      `nobody to notify there (${outcome.error})`,
      'systemd sets it; unset it to run without systemd',
    );
  }
  return transport;
}
