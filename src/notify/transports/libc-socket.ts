/** Notify sockets with calls of the C library, for node-ffi.ts and koffi.ts. Supports paths and abstract names. */
import { constants } from 'node:os';
import type { Libc } from '../../base/libc.ts';
import { withSocketUmask } from '../../base/private-directory.ts';
import type { NotifyAddress } from '../address.ts';
import { DATAGRAM_MAX } from '../state.ts';
import type { NotifyTransport, Receiver } from '../transport.ts';

/**
 * From the headers of Linux; the same on all machines that Node supports except MIPS (socket(2), send(2), fcntl(2)).
 */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const F_SETFL = 4;
const F_SETOWN = 8;
const F_SETSIG = 10;
const O_NONBLOCK = 0o4000;
const O_ASYNC = 0o20000;

/** @throws if the socket cannot be created */
export function senderBy(name: string, libc: Libc, address: NotifyAddress): NotifyTransport {
  const { func, lastError } = libc;
  const sendto = func('sendto', 'long', ['int', 'pointer', 'size_t', 'int', 'pointer', 'uint32_t']);
  const fd = newSocket(libc, SOCK_CLOEXEC);
  const to = socketAddress(address);
  return {
    name,
    trySend(datagram) {
      const buffer = Buffer.from(datagram);
      // not connected, so that it also reaches a new socket at the same path
      const sent = sendto(fd, buffer, buffer.length, MSG_DONTWAIT | MSG_NOSIGNAL, to, to.length);
      if (sent >= 0) return 'sent';
      const error = lastError();
      return ['EAGAIN', 'ENOBUFS', 'EINTR'].includes(error) ? 'full' : { error };
    },
  };
}

/**
 * The signal that announces a datagram (fcntl(2), F_SETSIG). It is ignored by default and not forwarded to the app. Any
 * other SIGCHLD only causes one more read.
 */
const ARRIVAL = 'SIGCHLD';

/** Datagrams read per turn of the event loop. */
const DATAGRAMS_PER_TURN = 100;

/**
 * Receives at `path` without blocking and without a thread, because a pending asynchronous call would delay the end of
 * the wrapper.
 */
export function receiveBy(libc: Libc, path: string, onDatagram: (datagram: Uint8Array) => void): Receiver {
  const { func, lastError } = libc;
  const bind = func('bind', 'int', ['int', 'pointer', 'uint32_t']);
  const recv = func('recv', 'long', ['int', 'pointer', 'size_t', 'int']);
  const close = func('close', 'int', ['int']);
  const fcntl = func('fcntl', 'int', ['int', 'int', '...']);
  const fd = newSocket(libc, SOCK_CLOEXEC | SOCK_NONBLOCK);

  // a longer datagram is truncated (recv(2)), but is still too long for the parser
  const buffer = Buffer.alloc(DATAGRAM_MAX + 1);
  let stopped = false;
  const drain = () => {
    if (stopped) return;
    for (let left = DATAGRAMS_PER_TURN; left > 0; left -= 1) {
      const length = recv(fd, buffer, buffer.length, MSG_DONTWAIT);
      if (length >= 0) onDatagram(buffer.subarray(0, length));
      else if (lastError() !== 'EINTR') return;
    }
    // the rest in another turn: a flood must not block signals
    setImmediate(drain);
  };
  const stop = () => {
    stopped = true;
    process.off(ARRIVAL, drain);
    close(fd);
  };
  process.on(ARRIVAL, drain);
  try {
    const check = (what: string, result: number) => {
      if (result < 0) throw new Error(`${what}: ${lastError()}`);
    };
    const address = socketAddress({ type: 'path', name: path });
    withSocketUmask(() => check('bind', bind(fd, address, address.length)));
    check('F_SETSIG', fcntl(fd, F_SETSIG, constants.signals[ARRIVAL]));
    check('F_SETOWN', fcntl(fd, F_SETOWN, process.pid));
    check('O_ASYNC', fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC));
  } catch (error) {
    stop();
    throw error;
  }
  // datagrams from before F_SETSIG
  drain();
  return { close: stop };
}

function newSocket({ func, lastError }: Libc, flags: number): number {
  const fd = func('socket', 'int', ['int', 'int', 'int'])(AF_UNIX, SOCK_DGRAM | flags, 0);
  if (fd < 0) throw new Error(`socket: ${lastError()}`);
  return fd;
}

/** A sockaddr_un: the family, then a path with its NUL, or a NUL and an abstract name without one (unix(7)). */
function socketAddress({ type, name }: NotifyAddress): Buffer {
  const family = Buffer.from(new Uint16Array([AF_UNIX]).buffer);
  return Buffer.concat([family, Buffer.from(type === 'path' ? `${name}\0` : `\0${name}`)]);
}
