/** Whether the holder of a port counts as the app, and the message if not. */
import type { Ownership, Shared } from '../../sockets/ownership.ts';

/** The only reason that goes away without a new listener. */
export const NOT_KNOWN_YET = 'accepted, checking by which process';

/** An operator whose port the old instance holds must not add the option. */
export const TCP_OWNER_ANY = '--tcp-owner any is only for an app that serves through that process, as in a container';

/**
 * @param tell receives a warning for each other holder of the port, because the app can hardly get the port then
 * @param systemdCounts whether a socket-activated listener counts: true if an answer came, and not only a connection
 * @returns the probe's reason why it does not count; undefined if it counts
 */
export function objectionTo(
  owner: Exclude<Ownership, Shared> | undefined,
  port: number,
  tell: (message: string) => void,
  { systemdCounts = false } = {},
): string | undefined {
  switch (owner?.by) {
    case 'other':
      tell(`port ${port} is held by ${owner.holder}, not by the app; ${TCP_OWNER_ANY}`);
      return `held by ${owner.holder}, not by the app`;
    case 'elsewhere':
      tell(
        `port ${port} is answered from elsewhere (a container?), not by the app; --tcp-owner any is ` +
          'only for an app that serves from there',
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

/** Passes each message on once. */
export function onceEach(warn: (message: string) => void): (message: string) => void {
  const sent = new Set<string>();
  return (message) => {
    if (!sent.has(message)) warn(message);
    sent.add(message);
  };
}
