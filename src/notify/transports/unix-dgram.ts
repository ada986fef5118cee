/** Notify sockets with the addon unix-dgram. The only file that imports it. Supports only paths. */
import { getSystemErrorName } from 'node:util';
import { withSocketUmask } from '../../base/private-directory.ts';
import type { NotifyAddress } from '../address.ts';
import type { NotifyTransport, Receiver, SendOutcome } from '../transport.ts';

/** The used part of unix-dgram, which has no types. Errors are negative errno numbers. */
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

/** @throws any error of loading the addon (not installed, built for another Node), and for an abstract name */
export async function openUnixDgram({ type, name: path }: NotifyAddress): Promise<NotifyTransport> {
  // the addon would send to the empty name and report success
  if (type === 'abstract') throw new Error('does not support abstract names');
  const socket = (await load()).createSocket('unix_dgram');
  return {
    name: NAME,
    trySend(datagram) {
      let outcome: SendOutcome | undefined;
      // not connected, so that it also reaches a new socket at the same path; send() calls back synchronously
      socket.send(Buffer.from(datagram), 0, datagram.length, path, (error) => {
        outcome = error ? outcomeOf(error.code) : 'sent';
      });
      // an unknown package with this name: another transport may work
      if (outcome === undefined) throw new Error('does not report whether a datagram was sent');
      return outcome;
    },
  };
}

/**
 * Receives at `path`. If recvmsg(2) fails, the addon reads the length of null and throws where no code of the wrapper
 * can catch it: the listener for uncaught exceptions in cli/attend.ts logs it, and the socket goes on working.
 */
export async function receiveByUnixDgram(path: string, onDatagram: (datagram: Uint8Array) => void): Promise<Receiver> {
  const socket = (await load()).createSocket('unix_dgram', onDatagram);
  let failure: number | undefined;
  socket.on('error', ({ code }) => {
    failure = code;
  });
  // bind() emits errors before it returns
  withSocketUmask(() => socket.bind(path));
  if (failure !== undefined) {
    socket.close();
    throw new Error(`bind: ${getSystemErrorName(failure)}`);
  }
  return { close: () => socket.close() };
}

async function load(): Promise<UnixDgram> {
  // a variable, so that the bundler does not resolve it
  const name = NAME;
  const module: { default: UnixDgram } = await import(name);
  return module.default;
}

function outcomeOf(errno: number): SendOutcome {
  const code = errno > 0 ? 'EAGAIN' : getSystemErrorName(errno);
  return code === 'EAGAIN' || code === 'ENOBUFS' ? 'full' : { error: code };
}
