/**
 * The notify socket by koffi, which calls the C library: the only file that imports it. It comes ready built for any Node,
 * so it serves where unix-dgram was not compiled or was compiled for another one. Paths and abstract names.
 */
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import type { NotifyAddress } from '../notify-address.ts';
import type { NotifyTransport } from '../transport.ts';

/** The part of koffi that is used. */
interface Koffi {
  load(path: null): { func(prototype: string): (...args: unknown[]) => number };
  errno(): number;
}

/** From the kernel's headers for Linux; the same on every machine that Node runs on but MIPS (socket(2), send(2)). */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** @throws whatever loading the addon throws, or when there is no socket to be had */
export async function openKoffi(address: NotifyAddress): Promise<NotifyTransport> {
  const name = 'koffi';
  const { default: koffi }: { default: Koffi } = await import(name);
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const sendto = libc.func(
    'long sendto(int fd, const void *buf, size_t len, int flags, const void *to, uint32_t tolen)',
  );
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new Error(`socket: ${getSystemErrorName(-koffi.errno())}`);
  const to = socketAddress(address);
  return {
    name,
    trySend(datagram) {
      const buffer = Buffer.from(datagram);
      // not connected, so that a new socket at the same path is found again
      const sent = sendto(fd, buffer, buffer.length, MSG_DONTWAIT | MSG_NOSIGNAL, to, to.length);
      if (sent >= 0) return 'sent';
      const errno = koffi.errno();
      const full = [constants.errno.EAGAIN, constants.errno.ENOBUFS, constants.errno.EINTR].includes(errno);
      return full ? 'full' : { error: getSystemErrorName(-errno) };
    },
  };
}

/** A sockaddr_un: the family, then a path with its NUL, or a NUL and an abstract name without one (unix(7)). */
function socketAddress({ type, name }: NotifyAddress): Buffer {
  const family = Buffer.from(new Uint16Array([AF_UNIX]).buffer);
  return Buffer.concat([family, Buffer.from(type === 'path' ? `${name}\0` : `\0${name}`)]);
}
