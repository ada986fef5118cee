/**
 * Hands a state of sd_notify(3) to the wrapper, or to systemd itself, from any thread, without an addon: it neither
 * throws nor keeps the event loop alive.
 */
import { fstatSync, readFileSync, statSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { orElse } from '../base/or-else.ts';
import { CLIENT_MESSAGE, STREAM_SUFFIX } from '../notify/client-protocol.ts';
import { listenFds, namedNotify } from '../notify/listen-fds.ts';
import { DATAGRAM_MAX } from '../notify/state.ts';

/** @returns whether it was handed over; false where nobody is there to take it */
export function send(state: string): boolean {
  // as for libsystemd the text ends there
  const [text = ''] = state.split('\0');
  if (Buffer.byteLength(text) > DATAGRAM_MAX) return false;
  return [byChannel, bySocket, byDescriptor].some((way) => orElse(() => way(text), false));
}

/**
 * `--ipc`: the channel of process.send. A worker of a cluster has one too, and nobody there who knows these messages.
 */
function byChannel(state: string): boolean {
  if (!process.send || !process.connected || !isWrapper(process.ppid)) return false;
  process.send({ type: CLIENT_MESSAGE, state }, undefined, undefined, () => {});
  return true;
}

/** By its command line, as a variable that says so would be inherited by others: `node .../bin/sd-ready-wrap.cjs`. */
function isWrapper(pid: number): boolean {
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  // behind Node and its own options
  const script = words.slice(1).find((word) => !word.startsWith('-'));
  return script !== undefined && /(?:^|\/)sd-ready-wrap(?:\.cjs)?$/.test(script);
}

let connection: { readonly path: string; readonly socket: Socket } | undefined;

/** `--notify`, and where no probe is named: the stream socket beside the notify socket. */
function bySocket(state: string): boolean {
  const path = process.env['NOTIFY_SOCKET'];
  const fd = path?.startsWith('/') ? connected(path + STREAM_SUFFIX) : undefined;
  if (fd === undefined) return false;
  const frame = Buffer.from(`${state}\0`);
  try {
    // at once, so that it is not lost when the app ends next; the descriptor does not block
    if (writeSync(fd, frame) === frame.length) return true;
  } catch (error) {
    // full: the wrapper is stopped, say
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
  }
  connection?.socket.destroy();
  return false;
}

/** The descriptor of a connection to it. Node makes one at once and only tells of it later. */
function connected(path: string): number | undefined {
  if (!connection || connection.path !== path || connection.socket.destroyed) {
    connection = undefined;
    if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return undefined;
    const socket = connect(path)
      .unref()
      .on('error', () => {});
    // to see its end
    socket.resume();
    connection = { path, socket };
  }
  const { _handle: handle } = connection.socket as unknown as { _handle?: { fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}

/**
 * `OpenFile=/run/systemd/notify:notify` (systemd 253, systemd.service(5)), where this is the main process. It is a
 * blocking socket, as that of sd_notify(3) is: while systemd's queue is full, a write waits.
 */
function byDescriptor(state: string): boolean {
  const fd = namedNotify(listenFds(process.env, process.pid));
  if (fd === undefined || !fstatSync(fd).isSocket()) return false;
  writeSync(fd, state);
  return true;
}
