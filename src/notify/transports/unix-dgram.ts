/** Notify sockets by the addon unix-dgram: the only file that imports it. Paths only. */
import { getSystemErrorName } from 'node:util';
import { withSocketUmask } from '../../base/private-directory.ts';
import type { NotifyAddress } from '../address.ts';
import type { NotifyTransport, Receiver, SendOutcome } from '../transport.ts';

/** The part of unix-dgram that is used; it brings no types. Errors are negative errno numbers. */
interface UnixDgram {
  createSocket(
    type: 'unix_dgram',
    onMessage?: (datagram: Buffer) => void,
  ): {
    send(
      buffer: Buffer,
      offset: number,
      length: number,
      path: string,
      callback: (error?: { code: number }) => void,
    ): void;
    bind(path: string): void;
    on(event: 'error', listener: (error: { code: number }) => void): void;
    close(): void;
  };
}

const NAME = 'unix-dgram';

/** @throws whatever loading the addon throws: not installed, built for another Node. And for an abstract name. */
export async function openUnixDgram({ type, name: path }: NotifyAddress): Promise<NotifyTransport> {
  // it would send to the empty name, and call that a success
  if (type === 'abstract') throw new Error('does not support abstract names');
  const socket = (await load()).createSocket('unix_dgram');
  return {
    name: NAME,
    trySend(datagram) {
      let outcome: SendOutcome | undefined;
      // not connected, so that a new socket at the same path is found again; the callback runs before send returns
      socket.send(Buffer.from(datagram), 0, datagram.length, path, (error) => {
        outcome = error ? outcomeOf(error.code) : 'sent';
      });
      // then it is something else by that name, and another transport may do better
      if (outcome === undefined) throw new Error('does not report whether a datagram was sent');
      return outcome;
    },
  };
}

/**
 * Receives at `path`.
 *
 * Where its own recvmsg(2) fails the addon takes the length of null and throws where nothing of ours could catch it:
 * that is left to the listener for uncaught exceptions in cli/attend.ts, and the socket serves on.
 */
export async function receiveByUnixDgram(path: string, onDatagram: (datagram: Uint8Array) => void): Promise<Receiver> {
  const socket = (await load()).createSocket('unix_dgram', onDatagram);
  let failure: number | undefined;
  socket.on('error', ({ code }) => {
    failure = code;
  });
  // errors are told before it returns
  withSocketUmask(() => socket.bind(path));
  if (failure !== undefined) {
    socket.close();
    throw new Error(`bind: ${getSystemErrorName(failure)}`);
  }
  return { close: () => socket.close() };
}

async function load(): Promise<UnixDgram> {
  // a name that the bundler does not see
  const name = NAME;
  const module: { default: UnixDgram } = await import(name);
  return module.default;
}

function outcomeOf(errno: number): SendOutcome {
  const code = errno > 0 ? 'EAGAIN' : getSystemErrorName(errno);
  return code === 'EAGAIN' || code === 'ENOBUFS' ? 'full' : { error: code };
}
