/** Whether who accepted a connection counts, and what to say of it when not. */
import type { Listeners } from '../../sockets/ownership.ts';
import type { TcpTable } from '../../sockets/rows.ts';
import type { SocketOwner } from '../spec.ts';

/** The one reason that passes by itself. */
export const NOT_KNOWN_YET = 'accepted, by whom is being looked up';

/** @returns why it does not count, for the probe's reason; undefined where it does */
type WhyNot = (host: string, port: number, unchanged: readonly TcpTable[]) => string | undefined;

/**
 * @param warn told once of each other holder of the port, as the app can hardly get it then
 * @param systemdCounts whether it is enough that the socket is one of socket activation: an answer came, not only a
 * connection
 */
export function objectionTo(
  listeners: Listeners,
  wanted: SocketOwner,
  warn: (message: string) => void,
  { systemdCounts = false } = {},
): WhyNot {
  if (wanted === 'any') return () => undefined;
  const tell = onceEach(warn);
  return (host, port, unchanged) => {
    const owner = listeners.ownerOf(host, port, unchanged);
    switch (owner?.by) {
      case 'other':
        tell(`port ${port} is held by ${owner.holder}, not by the app; if that is on purpose: --tcp-owner any`);
        return `held by ${owner.holder}, not by the app`;
      case 'elsewhere':
        tell(
          `port ${port} is answered from elsewhere (a container?), not by the app; if that is on purpose: ` +
            `--tcp-owner any`,
        );
        return 'answered from elsewhere, not by the app';
      case 'systemd':
        if (systemdCounts) return undefined;
        tell(
          `port ${port} is systemd's own (socket activation), which accepts before the app serves; use --http, ` +
            `--notify or --ipc`,
        );
        return 'accepted by systemd, not by the app yet';
      case 'unknown':
        return NOT_KNOWN_YET;
      default:
        return undefined;
    }
  };
}

/** Tells each message once. */
export function onceEach(warn: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (!told.has(message)) warn(message);
    told.add(message);
  };
}
