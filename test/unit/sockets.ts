/** Real sockets and pipes for the tests of code that reads and writes them. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A server that accepts connections and sends nothing, closed at the end of the test. */
export function listen(host: string, port = 0): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.resume();
  });
  onTestFinished(() => void server.close());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}

/** An unused port. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = await listen(host);
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The two ends of a connection. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const far = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const near = connect(portOf(server), '127.0.0.1');
  const pair: [Socket, Socket] = [near, await far];
  server.close();
  onTestFinished(() => {
    for (const socket of pair) socket.destroy();
  });
  return pair;
}

export interface Fifo {
  /** The end to write to, like an inherited pipe. */
  readonly writeFd: number;
  /** Everything read so far. Nothing is read before the first call of `read`. */
  read(): Socket;
  /** Closes the reader. */
  closeReader(): void;
}

/** A pipe whose two ends have their own descriptors in this process. */
export function fifo(): Fifo {
  const directory = mkdtempSync(join(tmpdir(), 'relay-'));
  const path = join(directory, 'fifo');
  execFileSync('mkfifo', [path]);
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeFd = openSync(path, constants.O_WRONLY);
  rmSync(directory, { recursive: true });
  let reader: Socket | undefined;
  let open = true;
  const closeReader = () => {
    if (reader) reader.destroy();
    else if (open) closeSync(readFd);
    open = false;
  };
  onTestFinished(() => {
    closeReader();
    closeSync(writeFd);
  });
  return {
    writeFd,
    read() {
      reader ??= new Socket({ fd: readFd, readable: true, writable: false });
      return reader;
    },
    closeReader,
  };
}

/** Reads until so many bytes are there. */
export function take(socket: Socket, bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  return new Promise((resolve) => {
    const hear = (piece: Buffer) => {
      pieces.push(piece);
      length += piece.length;
      if (length < bytes) return;
      socket.off('data', hear);
      resolve(Buffer.concat(pieces));
    };
    socket.on('data', hear);
  });
}

/** Writes, and resolves when the kernel has it all. */
export function give(socket: Socket, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(data, (error) => (error ? reject(error) : resolve()));
  });
}

/** Runs the event loop, so that pending reads and callbacks happen. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
