/** Opens the notify socket by the first transport that works. */
import { KnownError } from '../base/errors.ts';
import { EXIT } from '../base/exit-status.ts';
import { explainFailure, howToMend, isInstalled } from './addon-failure.ts';
import { type NotifyAddress, unusable } from './address.ts';
import { encode, type NotifyState } from './state.ts';
import type { NotifyTransport } from './transport.ts';
import { openInherited } from './transports/inherited.ts';
import { openKoffi } from './transports/koffi.ts';
import { openNodeFfi } from './transports/node-ffi.ts';
import { openUnixDgram } from './transports/unix-dgram.ts';

/** In the order in which they are tried: add a new one here. Each throws where it cannot serve the address. */
const TRANSPORTS: readonly [string, (address: NotifyAddress, inherited?: number) => Promise<NotifyTransport>][] = [
  ['OpenFile=', (_address, inherited) => openInherited(inherited)],
  ['node:ffi', openNodeFfi],
  ['unix-dgram', openUnixDgram],
  ['koffi', openKoffi],
];

/** Whether the addon is there that comes ready built: then one works, whatever became of the others. */
export function isOneReadyBuilt(): boolean {
  return ['koffi', `@koromix/koffi-linux-${process.arch}`].every(isInstalled);
}

/**
 * Which transports there are on this host, without a unit: OpenFile= is a unit's.
 * @returns of each its name, or why it cannot be used
 */
export async function transportsHere(): Promise<{
  readonly usable: readonly string[];
  readonly failures: readonly string[];
}> {
  const usable: string[] = [];
  const failures: string[] = [];
  for (const [name, open] of TRANSPORTS.slice(1)) {
    try {
      await open({ type: 'path', name: '/' });
      usable.push(name);
    } catch (error) {
      failures.push(explainFailure(name, error));
    }
  }
  return { usable, failures };
}

/**
 * @param first the first datagram, sent at once: it shows whether anybody listens
 * @param inherited a descriptor that is connected to systemd
 * @throws {KnownError} where no transport works or nobody listens: the unit could never become ready, so better now
 * than at the end of TimeoutStartSec=
 */
export async function openNotifySocket(
  address: NotifyAddress,
  first: NotifyState,
  inherited?: number,
): Promise<NotifyTransport> {
  const failures: string[] = [];
  let refused: string | undefined;
  for (const [name, open] of TRANSPORTS) {
    try {
      const transport = await open(address, inherited);
      const outcome = transport.trySend(encode(first));
      if (typeof outcome !== 'object') return transport;
      refused = outcome.error;
    } catch (error) {
      failures.push(explainFailure(name, error));
    }
  }
  if (refused !== undefined) {
    const shown = address.type === 'path' ? address.name : `@${address.name}`;
    throw unusable(
      shown,
      `nothing is listening there (${refused})`,
      'systemd sets this variable; unset it to run without systemd',
    );
  }
  if (failures.some((failure) => failure.includes('EAFNOSUPPORT'))) {
    throw new KnownError(
      'NOTIFY_SOCKET: the unit forbids Unix sockets; add AF_UNIX to its RestrictAddressFamilies=',
      EXIT.OWN_FAILURE,
    );
  }
  throw new KnownError(
    `NOTIFY_SOCKET: cannot send datagrams (${failures.join('; ')}); ${howToMend(failures)}; or write ` +
      'OpenFile=/run/systemd/notify:notify in the unit (systemd 253 and later)',
    EXIT.OWN_FAILURE,
  );
}
