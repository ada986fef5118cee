import { connect, type Server, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { tcpProbe } from '../../src/probes/connect/tcp.ts';
import { type SocketsInUse, tcpSocketsInUse } from '../../src/probes/connect/tcp-sockets.ts';
import { describeIpv6 } from '../helpers/ipv6.ts';
import { untilPasses } from '../helpers/until.ts';
import { type FakeClock, fakeContext, isSettled } from '../unit/fakes.ts';
import { freePort, listen, portOf, turns } from '../unit/sockets.ts';

const BOTH = ['127.0.0.1', '::1'];

function start(
  hosts: readonly string[],
  port: number,
  socketsInUse?: () => SocketsInUse | undefined,
  socketsBefore?: SocketsInUse,
) {
  const context = Object.assign(fakeContext(), { socketsBefore });
  const { clock } = context;
  const abort = new AbortController();
  const probe = tcpProbe({ kind: 'tcp', hosts, port, owner: 'app', written: `--tcp ${port}` }, context, socketsInUse);
  onTestFinished(() => abort.abort());
  const waited = probe.wait(abort.signal);
  clock.advance(0);
  return { context, clock, abort, probe, waited };
}

/** Waits until the attempt under way has failed: the timer that is left is that of the pause. */
async function failed(clock: FakeClock, probe: { readonly reason: string }, reason: string): Promise<void> {
  await untilPasses(() => expect(probe.reason).toBe(reason));
  expect(clock.pending).toBe(1);
}

/** Resolves when the server has no connection left. */
function deserted(server: Server): Promise<void> {
  return untilPasses(async () => {
    const count = await new Promise<number>((resolve) => server.getConnections((_, open) => resolve(open)));
    expect(count).toBe(0);
  });
}

describe('a TCP probe', () => {
  it('is ready when IPv4 alone answers', async () => {
    const server = await listen('127.0.0.1');
    const { clock, probe, waited } = start(BOTH, portOf(server));
    expect(probe.name).toBe(`tcp 127.0.0.1:${portOf(server)}`);
    expect(await waited).toBe(`tcp 127.0.0.1:${portOf(server)}`);
    expect(clock.pending).toBe(0);
    await deserted(server);
  });

  describeIpv6('over IPv6', () => {
    it('is ready when IPv6 alone answers, and says so', async () => {
      const server = await listen('::1');
      const { clock, waited } = start(BOTH, portOf(server));
      expect(await waited).toBe(`tcp [::1]:${portOf(server)}`);
      expect(clock.pending).toBe(0);
      await deserted(server);
    });

    it('before anybody has begun to listen one address is asked, and both once somebody has', async () => {
      let count = '1';
      const sockets = () => ({ tcp: count, tcp6: '0' });
      const server = await listen('::1');
      const asked = () => new Promise<number>((resolve) => server.getConnections((_, open) => resolve(open)));
      const { clock, probe, waited } = start(BOTH, portOf(server), sockets, sockets());
      await failed(clock, probe, 'ECONNREFUSED');
      clock.advance(100);
      expect(await asked()).toBe(0);
      count = '2';
      clock.advance(100);
      expect(await waited).toBe(`tcp [::1]:${portOf(server)}`);
    });

    it('both at once, if somebody has begun since the app was started', async () => {
      const server = await listen('::1');
      const { waited } = start(BOTH, portOf(server), () => ({ tcp: '2', tcp6: '0' }), { tcp: '1', tcp6: '0' });
      expect(await waited).toBe(`tcp [::1]:${portOf(server)}`);
    });

    it('asks only the address that was named', async () => {
      const server = await listen('::1');
      const { clock, probe } = start(['127.0.0.1'], portOf(server));
      await failed(clock, probe, 'ECONNREFUSED');
    });
  });

  it('says why not, and asks again until it is', async () => {
    const port = await freePort();
    const { clock, probe, waited } = start(BOTH, port);
    expect(probe.reason).toBe('');
    await failed(clock, probe, 'ECONNREFUSED');
    expect(await isSettled(waited)).toBe(false);
    await listen('127.0.0.1', port);
    await turns();
    expect(await isSettled(waited)).toBe(false);
    clock.advance(24);
    expect(await waited).toBe(`tcp 127.0.0.1:${port}`);
  });

  it('connects soon after a socket was added', async () => {
    const port = await freePort();
    let inUse: SocketsInUse = { tcp: 'inuse 1', tcp6: 'inuse 1' };
    const { clock, probe, waited } = start(BOTH, port, () => inUse);
    await failed(clock, probe, 'ECONNREFUSED');
    await listen('127.0.0.1', port);
    clock.advance(40);
    await turns(100);
    expect(await isSettled(waited), 'it asked though nothing was added').toBe(false);
    inUse = { tcp: 'inuse 1', tcp6: 'inuse 2' };
    clock.advance(6);
    expect(await waited).toBe(`tcp 127.0.0.1:${port}`);
  });

  it.each([
    ['tells of no change', { tcp: 'inuse 1', tcp6: 'inuse 1' }],
    ['does not tell', undefined],
  ])('asks anew all the same where the kernel %s', async (_, inUse) => {
    const port = await freePort();
    const { clock, probe, waited } = start(BOTH, port, () => inUse);
    await failed(clock, probe, 'ECONNREFUSED');
    await listen('127.0.0.1', port);
    clock.advance(506);
    expect(await waited).toBe(`tcp 127.0.0.1:${port}`);
  });

  it('asks no more often than the interval where sockets come and go', async () => {
    const port = await freePort();
    let count = 0;
    const busy = () => {
      count += 1;
      return { tcp: `inuse ${count}`, tcp6: 'inuse 1' };
    };
    const { clock, probe } = start(BOTH, port, busy);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await failed(clock, probe, 'ECONNREFUSED');
      // the first look after the interval
      clock.advance(23);
      // between two attempts there is the timer of the next look alone, during one there is its timeout too
      await turns(100);
      expect(clock.pending).toBe(1);
      clock.advance(1);
    }
  });

  describeIpv6('where both families are', () => {
    it.each(['127.0.0.1', '::1'])('a listener on %s adds to the sockets in use', async (host) => {
      const before = tcpSocketsInUse();
      expect(before).toEqual({
        tcp: expect.stringMatching(/^TCP: inuse \d+$/),
        tcp6: expect.stringMatching(/^TCP6: inuse \d+$/),
      });
      // several, as a neighbour may close one of its own meanwhile
      await untilPasses(async () => {
        await listen(host);
        expect(tcpSocketsInUse()).not.toEqual(before);
      });
    });
  });

  it('an attempt that nobody answers ends with its timeout, and the next one is made', async () => {
    const port = await neverAccepting();
    const { clock, probe, waited } = start(['127.0.0.1'], port);
    await turns(100);
    clock.advance(499);
    expect(probe.reason).toBe('');
    clock.advance(500);
    expect(probe.reason).toBe('no response yet');
    expect(await isSettled(waited)).toBe(false);
    clock.advance(1);
    expect(probe.reason).toBe('no response within --attempt-timeout');
    expect(clock.pending).toBe(1);
    clock.advance(20);
    expect(clock.pending).toBe(1);
    clock.advance(1000);
    expect(await isSettled(waited)).toBe(false);
  });

  it.each(['before the first attempt', 'during an attempt', 'between two attempts'])(
    'an abort %s leaves nothing',
    async (when) => {
      const port = when === 'during an attempt' ? await neverAccepting() : await freePort();
      const { clock, abort, probe, waited } = start(['127.0.0.1'], port);
      if (when === 'between two attempts') await failed(clock, probe, 'ECONNREFUSED');
      abort.abort();
      expect(clock.pending).toBe(0);
      const { reason } = probe;
      await turns(100);
      expect(probe.reason).toBe(reason);
      expect(clock.pending).toBe(0);
      expect(await isSettled(waited)).toBe(false);
    },
  );
});

/** A port that is listened on and whose queue of connections is full: the next one hangs. */
async function neverAccepting(): Promise<number> {
  // a thread that listens and then stands still: the kernel takes two connections for it, and no more
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true },
  );
  const port = await new Promise<number>((resolve) => worker.once('message', resolve));
  const fillers: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of fillers) socket.destroy();
    await worker.terminate();
  });
  for (let n = 0; n < 4; n += 1) fillers.push(connect(port, '127.0.0.1').on('error', () => {}));
  await new Promise((resolve) => fillers[0]?.once('connect', resolve));
  return port;
}

describe('a listener that others share', () => {
  const shared = (by: 'app' | 'systemd') => ({ by: 'shared', inodes: [1], otherwise: { by } }) as const;
  const seen = { seenBy: 'netlink', spent: 0 } as const;
  const step = async (clock: FakeClock) => {
    await turns();
    clock.advance(100);
    await turns();
  };

  it('is ready once the app has accepted, and has no more than one connection in the backlog', async () => {
    const server = await listen('127.0.0.1');
    const { context, clock, probe, waited } = start(['127.0.0.1'], portOf(server));
    context.owner = shared('systemd');
    context.acceptor = { by: 'waiting', ...seen };
    const reason = 'connected, but not accepted by the app yet';
    for (let count = 0; count < 10; count += 1) await step(clock);
    expect(probe.reason).toBe(reason);
    expect(await new Promise((resolve) => server.getConnections((_, open) => resolve(open)))).toBe(1);
    context.acceptor = { by: 'app', ...seen };
    clock.advance(100);
    await waited;
    await deserted(server);
  });

  it('is not where another process accepts, whose connections are left again', async () => {
    const server = await listen('127.0.0.1');
    const { context, clock, probe, waited } = start(['127.0.0.1'], portOf(server));
    context.owner = shared('app');
    context.acceptor = { by: 'other', holder: 'old (pid 7)', ...seen };
    for (let count = 0; count < 10; count += 1) await step(clock);
    expect(probe.reason).toBe('accepted by old (pid 7), not by the app');
    expect(await isSettled(waited)).toBe(false);
    context.acceptor = { by: 'app', ...seen };
    for (let count = 0; count < 5; count += 1) await step(clock);
    await waited;
    await deserted(server);
  });

  it.each([
    ['app', ''],
    ['systemd', 'accepted by systemd, not by the app yet'],
  ] as const)('if who accepted is hidden, who listens decides: %s', async (by, reason) => {
    const server = await listen('127.0.0.1');
    const { context, clock, probe, waited } = start(['127.0.0.1'], portOf(server));
    context.owner = shared(by);
    context.acceptor = { by: 'hidden', ...seen };
    for (let count = 0; count < 3; count += 1) await step(clock);
    if (reason === '') await waited;
    else await vi.waitFor(() => expect(probe.reason).toBe(reason));
    expect(await isSettled(waited)).toBe(reason === '');
  });
});
