import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { acceptorOf as byTables, type ConnectionEnds } from '../../../src/sockets/accepted.ts';
import { socketsOf } from '../../../src/sockets/descriptors.ts';
import { acceptedByGain } from '../../../src/sockets/gained.ts';
import { sockDiag } from '../../../src/sockets/sock-diag.ts';
import { describeIpv6 } from '../../helpers/ipv6.ts';
import { tempDir } from '../../helpers/temp.ts';
import { until } from '../../helpers/until.ts';
import { portOf } from '../sockets.ts';

const SERVES = new URL('../../fixtures/apps/serves.pl', import.meta.url).pathname;

/** A server in a separate process. */
async function serve(how: string, where: string, status: string): Promise<{ process: ChildProcess; port: number }> {
  const child = spawn('perl', [SERVES, '-', how, where, status], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { process: child, port: Number(line.split(' ')[1]) };
}

async function dial(port: number, host: string): Promise<{ socket: Socket; ends: ConnectionEnds }> {
  const socket = connect({ port, host, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
  return { socket, ends: { localAddress, localPort, remoteAddress, remotePort } };
}

async function listenOn(options: { host: string; ipv6Only?: boolean }): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  onTestFinished(() => void server.close());
  server.listen({ port: 0, ...options });
  await once(server, 'listening');
  return server;
}

async function byNetlink(ends: ConnectionEnds) {
  const diag = await sockDiag();
  return diag === 'none' ? 'no netlink' : diag.acceptorOf(ends);
}

/** Waits until it is no longer in the backlog. */
function accepted(ends: ConnectionEnds, acceptorOf: typeof byTables | typeof byNetlink) {
  return until('the connection to be accepted', async () => {
    const found = await acceptorOf(ends);
    return found !== 'waiting' && found;
  });
}

describe.each([
  ['the tables', byTables],
  ['netlink', byNetlink],
])('the acceptor of a connection, by %s', (_, acceptorOf) => {
  it('is nothing while it waits, then the process with its socket', async () => {
    const { process: server, port } = await serve('bind', '127.0.0.1:0', 'hold');
    const { ends } = await dial(port, '127.0.0.1');
    expect(await acceptorOf(ends)).toBe('waiting');
    server.stdin?.write('accept\n');
    const inode = await accepted(ends, acceptorOf);
    expect(socketsOf(server.pid as number)).toContain(inode);
    expect(socketsOf('self')).not.toContain(inode);
  });

  it('waits too if we have ended our side', async () => {
    const { port } = await serve('bind', '127.0.0.1:0', 'hold');
    const { socket, ends } = await dial(port, '127.0.0.1');
    await new Promise<void>((resolve) => socket.end(resolve));
    expect(await acceptorOf(ends)).toBe('waiting');
  });

  it('is, among those that share a port, the one with the socket', async () => {
    const first = await serve('reuseport', '127.0.0.1:0', '200');
    const second = await serve('reuseport', `127.0.0.1:${first.port}`, '200');
    const pids = [first, second].map(({ process: { pid = 0 } }) => pid);
    for (let count = 0; count < 8; count += 1) {
      const { ends } = await dial(first.port, '127.0.0.1');
      const inode = await accepted(ends, acceptorOf);
      const holders = pids.filter((pid) => (socketsOf(pid) as readonly number[]).includes(inode as number));
      expect(holders).toHaveLength(1);
    }
  });

  it('is unknown once the acceptor has closed it', async () => {
    const { port } = await serve('bind', '127.0.0.1:0', 'close');
    const { ends } = await dial(port, '127.0.0.1');
    await until('it to be closed', async () => (await acceptorOf(ends)) === 'closed');
  });

  it('is elsewhere if there is no such connection', async () => {
    const ends = { localAddress: '127.0.0.1', localPort: 1, remoteAddress: '127.0.0.1', remotePort: 2 };
    // netlink does not find even our end, and leaves it to the tables
    expect(await acceptorOf(ends)).toBe(acceptorOf === byTables ? 'elsewhere' : undefined);
  });

  describeIpv6('over IPv6', () => {
    it.each([
      ['::1', { host: '::1' }],
      ['::1', { host: '::' }],
      ['127.0.0.1', { host: '::' }],
      ['::ffff:127.0.0.1', { host: '::' }],
      ['::ffff:127.0.0.1', { host: '127.0.0.1' }],
      ['127.0.0.2', { host: '0.0.0.0' }],
    ])('a connection to %s of %j', async (host, options) => {
      const { ends } = await dial(portOf(await listenOn(options)), host);
      expect(socketsOf('self')).toContain(await accepted(ends, acceptorOf));
    });
  });

  it('finds the exact row among many', async () => {
    const server = await listenOn({ host: '127.0.0.1' });
    const all = await Promise.all(Array.from({ length: 200 }, () => dial(portOf(server), '127.0.0.1')));
    const inodes = await Promise.all(all.map(({ ends }) => accepted(ends, acceptorOf)));
    expect(new Set(inodes).size).toBe(200);
    const own = socketsOf('self') as readonly number[];
    expect(inodes.filter((inode) => !own.includes(inode as number))).toEqual([]);
  });
});

describe('the acceptor of a connection, by the tables', () => {
  it('is found in one table if the family is known', async () => {
    const { port } = await serve('bind', '127.0.0.1:0', 'hold');
    const { ends } = await dial(port, '127.0.0.1');
    expect(await byTables(ends, ['tcp'])).toBe('waiting');
    expect(await byTables(ends, ['tcp6'])).toBe('elsewhere');
  });
});

describe('the acceptor of a connection to a Unix socket', () => {
  async function place(): Promise<string> {
    const dir = tempDir();
    onTestFinished(() => dir[Symbol.dispose]());
    return dir.file('app.sock');
  }
  async function dialPath(path: string): Promise<number> {
    const socket = connect({ path, allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    return fstatSync((socket as unknown as { _handle: { fd: number } })._handle.fd).ino;
  }

  it.each(['unix', 'rename'])('is nothing while it waits, then the process with its socket: %s', async (how) => {
    const path = await place();
    const diag = await sockDiag();
    if (diag === 'none') throw new Error('no netlink');
    const { process: server } = await serve(how, path, 'hold');
    const inode = await dialPath(path);
    expect(diag.acceptorOfUnix(inode)).toBe('waiting');
    server.stdin?.write('accept\n');
    const acceptor = await until('it to be accepted', () => {
      const found = diag.acceptorOfUnix(inode);
      return found !== 'waiting' && found;
    });
    expect(socketsOf(server.pid as number)).toContain(acceptor);
  });

  it('is unknown once the acceptor has closed it', async () => {
    const path = await place();
    const diag = await sockDiag();
    if (diag === 'none') throw new Error('no netlink');
    await serve('unix', path, 'close');
    const inode = await dialPath(path);
    // undefined: our end is gone too
    await until('it to be closed', () => ['closed', undefined].includes(diag.acceptorOfUnix(inode) as 'closed'));
  });

  it('the file of a listener is known after a rename', async () => {
    const path = await place();
    const diag = await sockDiag();
    if (diag === 'none') throw new Error('no netlink');
    const { process: server } = await serve('rename', path, '200');
    const files = (socketsOf(server.pid as number) as readonly number[]).map((inode) => diag.fileOf(inode));
    expect(files).toContain(statSync(path).ino);
  });

  it.each(['unix', 'rename'])(
    'is, without netlink, a process that gains a connection with that name, %s',
    async (how) => {
      const path = await place();
      const { process: server } = await serve(how, path, 'hold');
      const sockets = () => new Map((socketsOf(server.pid as number) as readonly number[]).map((inode) => [inode, 0]));
      const gained = () => acceptedByGain(path, (name) => name === path, sockets);
      expect(await gained()).toBe('waiting');
      server.stdin?.write('accept\n');
      const acceptor = await until('it to be accepted', async () => {
        const found = await gained();
        return found !== 'waiting' && found;
      });
      expect(sockets().has(acceptor)).toBe(true);
      expect(
        await acceptedByGain(
          path,
          (name) => name === path,
          () => new Map(),
        ),
      ).toBe('waiting');
    },
  );
});
