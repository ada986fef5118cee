import { describe, expect, it, onTestFinished } from 'vitest';
import { autoProbe } from '../../src/probes/auto.ts';
import { listening, listenProbe } from '../../src/probes/connect/listen.ts';
import type { ListeningSocket } from '../../src/sockets/ownership.ts';
import { fakeContext, isSettled } from '../unit/fakes.ts';

const TCP: ListeningSocket = { kind: 'tcp', host: '::', port: 3000, inspector: false };
const INSPECTOR: ListeningSocket = { kind: 'tcp', host: '127.0.0.1', port: 9229, inspector: true };
const UNIX: ListeningSocket = { kind: 'unix', path: '/run/app.sock' };

function start(make: typeof listenProbe | typeof autoProbe, target: 'any' | number | string) {
  const context = fakeContext();
  const abort = new AbortController();
  let counts = 0;
  const spec = { kind: 'listen', target, written: '' } as const;
  const socketsInUse = () => ({ tcp: 'inuse 1', tcp6: `inuse ${counts}` });
  const probe =
    make === autoProbe
      ? autoProbe({ kind: 'auto', notify: true }, context, socketsInUse)
      : listenProbe(spec, context, socketsInUse);
  onTestFinished(() => abort.abort());
  const waited = probe.wait(abort.signal);
  context.clock.advance(0);
  const add = (socket: ListeningSocket) => {
    context.appListens.push(socket);
    counts += 1;
    // two checks, 20 ms apart
    context.clock.advance(30);
    context.clock.advance(30);
  };
  return { context, abort, probe, waited, add, ready: () => isSettled(waited) };
}

describe('a listen probe', () => {
  it.each([
    ['any', TCP, 'listen [::]:3000'],
    ['any', UNIX, 'listen /run/app.sock'],
    ['any', INSPECTOR, 'listen 127.0.0.1:9229'],
    [3000, TCP, 'listen [::]:3000'],
    ['/run/app.sock', UNIX, 'listen /run/app.sock'],
    ['/run/../run/app.sock', UNIX, 'listen /run/app.sock'],
    ['@app', { kind: 'unix', path: '@app' } as const, 'listen @app'],
  ])('--listen %s: %j is ready, as %j', async (target, socket, by) => {
    const { waited, add, ready, context } = start(listenProbe, target);
    expect(await ready()).toBe(false);
    add(socket);
    expect(await waited).toBe(by);
    expect(context.clock.pending).toBe(0);
  });

  it.each([
    [3001, TCP, 'only [::]:3000 so far'],
    [3000, UNIX, 'only /run/app.sock so far'],
    ['/run/other.sock', UNIX, 'only /run/app.sock so far'],
    ['@/run/app.sock', UNIX, 'only /run/app.sock so far'],
    ['/run/app.sock', TCP, 'only [::]:3000 so far'],
  ])('--listen %s: %j is not ready, and is reported', async (target, socket, reason) => {
    const { add, ready, probe } = start(listenProbe, target);
    expect(probe.reason).toBe('no listening socket yet');
    add(socket);
    expect(await ready()).toBe(false);
    expect(probe.reason).toBe(reason);
  });

  const DOUBTFUL = [TCP, UNIX].map((socket): ListeningSocket => ({ ...socket, doubtful: true }));

  it("any: a socket that may be another program's does not count, the app's own does", async () => {
    const { add, ready, probe, waited } = start(listenProbe, 'any');
    for (const socket of DOUBTFUL) add(socket);
    expect(await ready()).toBe(false);
    expect(probe.reason).toBe("none provably the app's; reading its sockets needs CAP_SYS_PTRACE");
    add(UNIX);
    await waited;
  });

  it.each([[3000], ['/run/app.sock']])(
    "%s: a socket that may be another program's counts, because of its address",
    async (target) => {
      const { add, waited } = start(listenProbe, target);
      for (const socket of DOUBTFUL) add(socket);
      await waited;
    },
  );

  it('stops when aborted', async () => {
    const { abort, context, add, ready } = start(listenProbe, 3000);
    abort.abort();
    expect(context.clock.pending).toBe(0);
    add(TCP);
    expect(await ready()).toBe(false);
  });
});

describe('auto', () => {
  it('is ready with the first TCP socket, and names it', async () => {
    const { waited, add } = start(autoProbe, 'any');
    add(TCP);
    expect(await waited).toBe('listen [::]:3000 (auto)');
  });

  it('is ready with READY=1 of the app, and names it', async () => {
    const { waited, context } = start(autoProbe, 'any');
    context.notice({ ready: true });
    expect(await waited).toBe('notify READY=1 (auto)');
    expect(context.clock.pending).toBe(0);
  });

  it('after a reload waits for the readiness signal that came first: READY=1 although the port is open', async () => {
    const { waited, context, probe, add } = start(autoProbe, 'any');
    expect(probe.again).toBeUndefined();
    context.notice({ ready: true });
    await waited;
    add(TCP);
    const again = probe.again?.wait(new AbortController().signal) ?? Promise.resolve('nothing');
    context.clock.advance(5000);
    expect(await isSettled(again)).toBe(false);
    context.notice({ ready: true });
    expect(await again).toBe('notify READY=1');
  });

  it('after a reload waits for the port if that came first, and polls it', async () => {
    const { waited, probe, add } = start(autoProbe, 'any');
    add(TCP);
    await waited;
    expect(probe.again).toMatchObject({ name: 'listen on any TCP port', polls: true });
  });

  it.each([
    ['the inspector', INSPECTOR],
    ['a Unix socket', UNIX],
    ["a socket that may be another program's", { ...TCP, doubtful: true } as const],
  ])('%s does not count', async (_, socket) => {
    const { add, ready } = start(autoProbe, 'any');
    add(socket);
    expect(await ready()).toBe(false);
  });
});

describe('the time that a port must stay open', () => {
  it.each([
    ['is 20 ms', { ran: 3, waited: 0, runnable: false }, 20],
    ['is longer by what the app waited for a core', { ran: 3, waited: 12, runnable: false }, 32],
    ['does not pass while the app waits for a core', { ran: 0, waited: 0, runnable: true }, 5000],
    ['passes while the app runs', { ran: 20, waited: 0, runnable: true }, 20],
    ['passes if the kernel gives no data', undefined, 20],
  ])('%s', async (_what, after, ms) => {
    const context = fakeContext();
    const before = after && { ran: 0, waited: 0, runnable: false };
    let fares = before;
    let counts = 0;
    const probe = listening(
      'listen any',
      () => true,
      { kinds: 'tcp', stays: true },
      context,
      () => ({ tcp: 'inuse 1', tcp6: `inuse ${counts}` }),
      () => fares,
    );
    const waited = probe.wait(new AbortController().signal);
    context.clock.advance(0);
    context.appListens.push({ ...TCP, pid: 1 });
    counts += 1;
    while (!probe.reason.endsWith('has just been opened')) context.clock.advance(1);
    fares = after;
    context.clock.advance(ms - 1);
    expect(await isSettled(waited)).toBe(false);
    context.clock.advance(5);
    expect(await isSettled(waited)).toBe(true);
  });
});
