import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { acceptorOf, type ConnectionEnds } from '../../../src/sockets/accepted.ts';
import { socketsOf } from '../../../src/sockets/descriptors.ts';
import { describeIpv6 } from '../../helpers/ipv6.ts';
import { until } from '../../helpers/until.ts';
import { portOf } from '../sockets.ts';

const SERVES = new URL('../../fixtures/apps/serves.pl', import.meta.url).pathname;

/** A server in a process of its own. */
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

/** Waits until it is no longer in the backlog. */
function accepted(ends: ConnectionEnds) {
  return until('the connection to be accepted', async () => {
    const found = await acceptorOf(ends);
    return found !== 'waiting' && found;
  });
}

describe('who accepted a connection', () => {
  it('nobody while it waits, then the process whose socket it is', async () => {
    const { process: server, port } = await serve('bind', '127.0.0.1:0', 'hold');
    const { ends } = await dial(port, '127.0.0.1');
    expect(await acceptorOf(ends)).toBe('waiting');
    server.stdin?.write('accept\n');
    const inode = await accepted(ends);
    expect(socketsOf(server.pid as number)).toContain(inode);
    expect(socketsOf('self')).not.toContain(inode);
  });

  it('it waits as well where we have ended our side', async () => {
    const { port } = await serve('bind', '127.0.0.1:0', 'hold');
    const { socket, ends } = await dial(port, '127.0.0.1');
    await new Promise<void>((resolve) => socket.end(resolve));
    expect(await acceptorOf(ends)).toBe('waiting');
  });

  it('of those that share a port, the one that has it', async () => {
    const first = await serve('reuseport', '127.0.0.1:0', '200');
    const second = await serve('reuseport', `127.0.0.1:${first.port}`, '200');
    const pids = [first, second].map(({ process: { pid = 0 } }) => pid);
    for (let count = 0; count < 8; count += 1) {
      const { ends } = await dial(first.port, '127.0.0.1');
      const inode = await accepted(ends);
      const holders = pids.filter((pid) => (socketsOf(pid) as readonly number[]).includes(inode as number));
      expect(holders).toHaveLength(1);
    }
  });

  it('cannot be told once the acceptor has closed it', async () => {
    const { port } = await serve('bind', '127.0.0.1:0', 'close');
    const { ends } = await dial(port, '127.0.0.1');
    expect(await accepted(ends)).toBe('closed');
  });

  it('is elsewhere where there is no such connection', async () => {
    const ends = { localAddress: '127.0.0.1', localPort: 1, remoteAddress: '127.0.0.1', remotePort: 2 };
    expect(await acceptorOf(ends)).toBe('elsewhere');
  });

  it('is found in one table where it is known which', async () => {
    const { port } = await serve('bind', '127.0.0.1:0', 'hold');
    const { ends } = await dial(port, '127.0.0.1');
    expect(await acceptorOf(ends, ['tcp'])).toBe('waiting');
    expect(await acceptorOf(ends, ['tcp6'])).toBe('elsewhere');
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
      expect(socketsOf('self')).toContain(await accepted(ends));
    });
  });

  it('among many: the row itself, and no other', async () => {
    const server = await listenOn({ host: '127.0.0.1' });
    const all = await Promise.all(Array.from({ length: 200 }, () => dial(portOf(server), '127.0.0.1')));
    const inodes = await Promise.all(all.map(({ ends }) => accepted(ends)));
    expect(new Set(inodes).size).toBe(200);
    const own = socketsOf('self') as readonly number[];
    expect(inodes.filter((inode) => !own.includes(inode as number))).toEqual([]);
  });
});
