/** Checks $NOTIFY_SOCKET before the app is started (sd_notify(3), "Environment"). */
import { KnownError } from '../base/errors.ts';
import { EXIT } from '../base/exit-status.ts';
import { SOCKET_PATH_MAX } from '../base/socket-path.ts';

export type NotifyAddress = { readonly type: 'path' | 'abstract'; readonly name: string };

/**
 * @returns undefined where the variable is unset or empty: then there is nobody to notify
 * @throws {KnownError} for an address that cannot be used
 */
export function notifyAddress(socket: string | undefined): NotifyAddress | undefined {
  if (socket === undefined || socket === '') return undefined;
  if (Buffer.byteLength(socket) > SOCKET_PATH_MAX) {
    throw unusable(
      `${socket.slice(0, 40)}…`,
      `longer than ${SOCKET_PATH_MAX} bytes`,
      'a Unix socket cannot have such a path; use a shorter one',
    );
  }
  const type = socket.startsWith('/') ? 'path' : socket.startsWith('@') && socket.length > 1 ? 'abstract' : undefined;
  if (type === undefined) {
    throw unusable(
      socket,
      socket.startsWith('vsock') ? 'a vsock address is not supported' : 'neither a path nor @name',
      'systemd sets it to a path such as /run/systemd/notify; unset it to run without systemd',
    );
  }
  return { type, name: type === 'path' ? socket : socket.slice(1) };
}

/** The one line for a notify socket that cannot be used. */
export function unusable(socket: string, problem: string, hint: string): KnownError {
  return new KnownError(`NOTIFY_SOCKET=${socket}: ${problem}; ${hint}`, EXIT.OWN_FAILURE);
}
