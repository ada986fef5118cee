/** A notify socket of our own: where it is put, who may send to it, and by what it receives. */
import { randomBytes } from 'node:crypto';
import { renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { orElse } from '../base/or-else.ts';
import { isRoot, makePrivateDirectory, type PrivateDirectory } from '../base/private-directory.ts';
import { runtimeDirectories } from '../base/runtime-directories.ts';
import { SOCKET_PATH_MAX } from '../base/socket-path.ts';
import { explainFailure, howToMend } from './addon-failure.ts';
import { STREAM_SUFFIX } from './client-protocol.ts';
import type { Receive, Receiver } from './transport.ts';
import { receiveByKoffi } from './transports/koffi.ts';
import { receiveByNodeFfi } from './transports/node-ffi.ts';
import { receiveByUnixDgram } from './transports/unix-dgram.ts';

/** In the order in which they are tried. */
const RECEIVERS: readonly (readonly [string, Receive])[] = [
  ['node:ffi', receiveByNodeFfi],
  ['unix-dgram', receiveByUnixDgram],
  ['koffi', receiveByKoffi],
];

/** See stream-socket.ts. */
export type ReceiveByStream = (path: string, onDatagram: (datagram: Uint8Array) => void) => Promise<Receiver>;

export interface BoundSocket {
  /** What $NOTIFY_SOCKET of its senders has to be. */
  readonly path: string;
  /** `node:ffi` or the addon, for the log. */
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
        const opened = [await receive(place.bound, onDatagram)];
        try {
          renameSync(place.bound, place.path);
          if (receiveByStream) opened.push(await receiveByStream(place.bound, onDatagram));
          orElse(() => renameSync(place.bound, place.path + STREAM_SUFFIX), undefined);
        } catch (error) {
          for (const receiver of opened) receiver.close();
          throw error;
        }
        return { path: place.path, receiver: name, close: () => close(opened, place) };
      } catch (error) {
        receivers.add(explainFailure(name, error));
      }
    }
    place.remove();
  }
  if (receivers.size === 0) {
    const tried = [...places].join('; ');
    throw new NoSocket(`cannot create the app's notify socket (${tried}); set RuntimeDirectory= in the unit`);
  }
  throw new NoSocket(`cannot receive datagrams (${[...receivers].join('; ')}); ${howToMend(receivers)}`);

  function close(receivers: readonly Receiver[], place: Place): void {
    // unix-dgram aborts the process at a second one
    if (closed) return;
    closed = true;
    for (const receiver of receivers) receiver.close();
    place.remove();
  }
}

interface Place extends Pick<PrivateDirectory, 'remove'> {
  /** What the socket is bound to. The kernel shows it to every user, for good (/proc/net/unix). */
  readonly bound: string;
  /** The name that it has afterwards, which is not to be guessed. */
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

/** Other users find no socket there: they cannot list the directory, and the name is a secret. */
function makePlace(parent: string): Place {
  const name = randomBytes(16).toString('base64url');
  const length = Buffer.byteLength(join(parent, 'sd-ready-wrap-XXXXXX', name));
  if (length > SOCKET_PATH_MAX)
    throw new Error(`a socket path there would have ${length} bytes, more than ${SOCKET_PATH_MAX}`);
  const { path, remove } = makePrivateDirectory(parent);
  return { bound: join(path, 'bound'), path: join(path, name), remove };
}
