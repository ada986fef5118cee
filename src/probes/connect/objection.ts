/** Whether who listens counts, and what to say of it when not. */
import type { Ownership, Shared } from '../../sockets/ownership.ts';

/** The one reason that passes by itself. */
export const NOT_KNOWN_YET = 'accepted, checking by which process';

/**
 * @param tell gets a line for each other holder of the port, as the app can hardly get it then
 * @param systemdCounts whether it is enough that the socket is one of socket activation: an answer came, not only a
 * connection
 * @returns why it does not count, for the probe's reason; undefined where it does
 */
export function objectionTo(
  owner: Exclude<Ownership, Shared> | undefined,
  port: number,
  tell: (message: string) => void,
  { systemdCounts = false } = {},
): string | undefined {
  switch (owner?.by) {
    case 'other':
      tell(`port ${port} is held by ${owner.holder}, not by the app; if that is intended, add --tcp-owner any`);
      return `held by ${owner.holder}, not by the app`;
    case 'elsewhere':
      tell(
        `port ${port} is answered from elsewhere (a container?), not by the app; if that is intended, add ` +
          '--tcp-owner any',
      );
      return 'answered from elsewhere, not by the app';
    case 'systemd':
      if (systemdCounts) return undefined;
      tell(
        `port ${port} belongs to systemd (socket activation), where a connection succeeds before the app serves; ` +
          'use --http, --notify or --ipc',
      );
      return 'accepted by systemd, not by the app yet';
    case 'unknown':
      return NOT_KNOWN_YET;
    default:
      return undefined;
  }
}

/** Tells each message once. */
export function onceEach(warn: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (!told.has(message)) warn(message);
    told.add(message);
  };
}
