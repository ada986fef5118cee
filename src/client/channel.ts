/**
 * Sends a notification (sd_notify(3)) to the wrapper or directly to systemd. Works in any thread, needs no addon, does
 * not throw and does not keep the event loop alive.
 */
import { fstatSync, readFileSync, statSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { orElse } from '../base/or-else.ts';
import { CLIENT_MESSAGE, STREAM_SUFFIX } from '../notify/client-protocol.ts';
import { listenFds, namedNotify } from '../notify/listen-fds.ts';
import { DATAGRAM_MAX } from '../notify/state.ts';

/** @returns whether the notification was sent; false if nothing receives it, or if it is too long */
export function send(state: string): boolean {
  // a NUL ends the text, as in libsystemd
  const [text = ''] = state.split('\0');
  if (Buffer.byteLength(text) > DATAGRAM_MAX) return false;
  return [byChannel, bySocket, byDescriptor].some((sendBy) => orElse(() => sendBy(text), false));
}

/**
 * `--ipc`: the channel of process.send. Only to the wrapper: the primary process of a cluster does not know these
 * messages.
 */
function byChannel(state: string): boolean {
  if (!process.send || !process.connected || !isWrapper(process.ppid)) return false;
  process.send({ type: CLIENT_MESSAGE, state }, undefined, undefined, () => {});
  return true;
}

/** Checks the command line: `node .../bin/sd-ready-wrap.cjs`. Other processes would inherit a variable as a mark. */
function isWrapper(pid: number): boolean {
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  // the first word after Node and its options
  const script = words.slice(1).find((word) => !word.startsWith('-'));
  return script !== undefined && /(?:^|\/)sd-ready-wrap(?:\.cjs)?$/.test(script);
}

let connection: { readonly path: string; readonly socket: Socket } | undefined;

/** `--notify` and the default without a probe: the stream socket next to the notify socket. */
function bySocket(state: string): boolean {
  const path = process.env['NOTIFY_SOCKET'];
  const fd = path?.startsWith('/') ? connected(path + STREAM_SUFFIX) : undefined;
  if (fd === undefined) return false;
  const frame = Buffer.from(`${state}\0`);
  try {
    // synchronous, so that nothing is lost if the app exits next; the descriptor is non-blocking
    if (writeSync(fd, frame) === frame.length) return true;
  } catch (error) {
    // the buffer is full, e.g. because the wrapper was stopped by SIGSTOP
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
  }
  connection?.socket.destroy();
  return false;
}

/**
 * The descriptor of a connection to the socket, kept for the next call. Node connects a Unix socket synchronously and
 * only emits its event later.
 */
function connected(path: string): number | undefined {
  if (!connection || connection.path !== path || connection.socket.destroyed) {
    connection = undefined;
    if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return undefined;
    const socket = connect(path)
      .unref()
      .on('error', () => {});
    // only a flowing socket notices that the other end was closed
    socket.resume();
    connection = { path, socket };
  }
  const { _handle: handle } = connection.socket as unknown as { _handle?: { fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}

/**
 * `OpenFile=/run/systemd/notify:notify` (systemd 253, systemd.service(5)) if this is the main process. As with
 * sd_notify(3) the socket is blocking: while systemd's queue is full, the write waits.
 */
function byDescriptor(state: string): boolean {
  const fd = namedNotify(listenFds(process.env, process.pid));
  if (fd === undefined || !fstatSync(fd).isSocket()) return false;
  writeSync(fd, state);
  return true;
}
