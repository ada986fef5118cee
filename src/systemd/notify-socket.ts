/** Opens the notify socket by the first transport that works. */
import { KnownError } from '../core/errors.ts';
import { EXIT } from '../core/exit-status.ts';
import { encode, type NotifyState } from '../core/notify-state.ts';
import { type NotifyAddress, unusable } from './notify-address.ts';
import type { NotifyTransport } from './transport.ts';
import { openKoffi } from './transports/koffi.ts';
import { openUnixDgram } from './transports/unix-dgram.ts';

/** In the order in which they are tried: add a new one here. Each throws where it cannot serve the address. */
const TRANSPORTS: readonly [string, (address: NotifyAddress) => Promise<NotifyTransport>][] = [
  ['unix-dgram', openUnixDgram],
  ['koffi', openKoffi],
];

/**
 * @param first the first datagram, sent at once: it shows whether anybody listens
 * @throws {KnownError} where no transport works or nobody listens: the unit could never become ready, so better now
 * than at the end of TimeoutStartSec=
 */
export async function openNotifySocket(address: NotifyAddress, first: NotifyState): Promise<NotifyTransport> {
  const transport = await openTransport(address);
  const outcome = transport.trySend(encode(first));
  if (typeof outcome === 'object') {
    const shown = address.type === 'path' ? address.name : `@${address.name}`;
    throw unusable(
      shown,
      `nobody to notify there (${outcome.error})`,
      'systemd sets it; unset it to run without systemd',
    );
  }
  return transport;
}

async function openTransport(address: NotifyAddress): Promise<NotifyTransport> {
  const failures: string[] = [];
  for (const [name, open] of TRANSPORTS) {
    try {
      return await open(address);
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
    }
  }
  if (failures.some((failure) => failure.includes('EAFNOSUPPORT'))) {
    throw new KnownError(
      'NOTIFY_SOCKET: this unit may have no Unix sockets; add AF_UNIX to its RestrictAddressFamilies=',
      EXIT.OWN_FAILURE,
    );
  }
  throw new KnownError(
    `NOTIFY_SOCKET: no way to send a datagram (${failures.join('; ')}); ` +
      'install one where sd-ready-wrap is installed: npm install koffi (no compiler needed) or npm rebuild unix-dgram',
    EXIT.OWN_FAILURE,
  );
}
