/** A notify socket of our own: where it is put, who may send to it, and by which addon it receives. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmdirSync, statSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { orElse } from '../base/or-else.ts';
import { runtimeDirectories } from '../base/runtime-directories.ts';
import { SOCKET_PATH_MAX } from '../base/socket-path.ts';
import { explainFailure, howToMend } from './addon-failure.ts';
import { STREAM_SUFFIX } from './client-protocol.ts';
import type { Receive, Receiver } from './transport.ts';
import { receiveByKoffi } from './transports/koffi.ts';
import { receiveByUnixDgram } from './transports/unix-dgram.ts';

/** In the order in which they are tried. */
const RECEIVERS: readonly (readonly [string, Receive])[] = [
  ['unix-dgram', receiveByUnixDgram],
  ['koffi', receiveByKoffi],
];

/** See client-socket.ts. */
export type ReceiveByStream = (
  path: string,
  mode: number,
  onDatagram: (datagram: Uint8Array) => void,
) => Promise<Receiver>;

export interface BoundSocket {
  /** What $NOTIFY_SOCKET of its senders has to be. */
  readonly path: string;
  /** The addon, for the log. */
  readonly receiver: string;
  /** Closes the socket and removes it. */
  close(): void;
}

/** There is no socket to be had. The message says why and what to do about it. */
export class NoSocket extends Error {}

/**
 * @param env of the wrapper
 * @param onDatagram see {@link Receive}
 * @param receiveByStream opens a second socket beside it, for senders that have no datagrams
 * @throws {NoSocket}
 */
export async function bindNotifySocket(
  env: NodeJS.ProcessEnv,
  onDatagram: (datagram: Uint8Array) => void,
  receiveByStream?: ReceiveByStream,
): Promise<BoundSocket> {
  let closed = false;
  // why not, each once
  const places = new Set<string>();
  const receivers = new Set<string>();
  for (const directory of candidates(env)) {
    let place: Place;
    try {
      place = makePlace(directory);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      places.add(`${directory}: ${code ?? message}`);
      continue;
    }
    for (const [name, receive] of RECEIVERS) {
      try {
        const receiver = await receive(place.path, onDatagram);
        // the mode that bind(2) gives it depends on the umask
        const mode = isRoot() ? 0o666 : 0o600;
        let stream: Receiver | undefined;
        try {
          chmodSync(place.path, mode);
          stream = await receiveByStream?.(place.path + STREAM_SUFFIX, mode, onDatagram);
        } catch (error) {
          receiver.close();
          throw error;
        }
        return {
          path: place.path,
          receiver: name,
          close: () => close(stream ? [receiver, stream] : [receiver], place),
        };
      } catch (error) {
        receivers.add(explainFailure(name, error));
      }
    }
    remove(place);
  }
  if (receivers.size === 0) {
    const tried = [...places].join('; ');
    throw new NoSocket(`no directory for the app's notify socket (${tried}); set RuntimeDirectory= in the unit`);
  }
  throw new NoSocket(`no way to receive datagrams (${[...receivers].join('; ')}); ${howToMend(receivers)}`);

  function close(receivers: readonly Receiver[], place: Place): void {
    // unix-dgram aborts the process at a second one
    if (closed) return;
    closed = true;
    for (const receiver of receivers) receiver.close();
    remove(place);
  }
}

/** A directory of our own and the path of the socket in it. */
interface Place {
  readonly directory: string;
  readonly path: string;
}

/** Where to make the directory, the best first. */
function candidates(env: NodeJS.ProcessEnv): readonly string[] {
  const all = runtimeDirectories(env);
  if (!isRoot()) return all;
  // the app may give up root, and still has to get there
  return [...all.filter(isOpenToAll), ...all.filter((directory) => !isOpenToAll(directory))];
}

/** Whether every user may pass through it and all that is above it. */
function isOpenToAll(directory: string): boolean {
  const above = dirname(directory);
  const mode = orElse(() => statSync(directory).mode, 0);
  return (mode & 0o001) !== 0 && (above === directory || isOpenToAll(above));
}

/**
 * Nobody else gets in: the directory is closed to others or, where the app may become another user, the name of the
 * socket is not to be guessed.
 */
function makePlace(parent: string): Place {
  const name = isRoot() ? randomBytes(16).toString('hex') : 'notify';
  const template = join(parent, 'sd-ready-wrap-');
  const length = Buffer.byteLength(join(`${template}XXXXXX`, name));
  if (length > SOCKET_PATH_MAX)
    throw new Error(`a socket there has a path of ${length} bytes, over ${SOCKET_PATH_MAX}`);
  const directory = mkdtempSync(template);
  const place = { directory, path: join(directory, name) };
  try {
    // whatever the umask took away
    chmodSync(directory, isRoot() ? 0o711 : 0o700);
  } catch (error) {
    remove(place);
    throw error;
  }
  return place;
}

function remove({ directory, path }: Place): void {
  // not there, or gone with the unit's RuntimeDirectory=
  for (const each of [path, path + STREAM_SUFFIX]) orElse(() => unlinkSync(each), undefined);
  orElse(() => rmdirSync(directory), undefined);
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}
