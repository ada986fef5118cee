/** The notify socket by the addon unix-dgram: the only file that imports it. Paths only. */
import { getSystemErrorName } from 'node:util';
import type { NotifyAddress } from '../notify-address.ts';
import type { NotifyTransport, SendOutcome } from '../transport.ts';

/** The part of unix-dgram that is used; it brings no types. Errors are negative errno numbers. */
interface UnixDgram {
  createSocket(type: 'unix_dgram'): {
    send(
      buffer: Buffer,
      offset: number,
      length: number,
      path: string,
      callback: (error?: { code: number }) => void,
    ): void;
  };
}

/** @throws whatever loading the addon throws: not installed, built for another Node. And for an abstract name. */
export async function openUnixDgram({ type, name: path }: NotifyAddress): Promise<NotifyTransport> {
  // it would send to the empty name, and call that a success
  if (type === 'abstract') throw new Error('serves no abstract names');
  const name = 'unix-dgram';
  const module: { default: UnixDgram } = await import(name);
  const socket = module.default.createSocket('unix_dgram');
  return {
    name,
    trySend(datagram) {
      let outcome: SendOutcome = 'sent';
      // not connected, so that a new socket at the same path is found again; the callback runs before send returns
      socket.send(Buffer.from(datagram), 0, datagram.length, path, (error) => {
        if (error) outcome = outcomeOf(error.code);
      });
      return outcome;
    },
  };
}

function outcomeOf(errno: number): SendOutcome {
  const code = errno < 0 ? getSystemErrorName(errno) : 'EAGAIN';
  return code === 'EAGAIN' || code === 'ENOBUFS' ? 'full' : { error: code };
}
