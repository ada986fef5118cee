import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { relative } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unixProbe } from '../../src/probes/connect/unix.ts';
import { tempDir } from '../helpers/temp.ts';
import { untilPasses } from '../helpers/until.ts';
import { fakeContext, isSettled } from '../unit/fakes.ts';

function socketPath(): string {
  const dir = tempDir();
  onTestFinished(() => dir[Symbol.dispose]());
  return dir.file('app.sock');
}

/** A server, the errors of its connections and the open ones. */
async function serve(path: string, greet: (socket: Socket) => void = (socket) => socket.resume()) {
  const errors: Error[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', (error) => errors.push(error)).on('close', () => open.delete(socket));
    greet(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return { errors, open };
}

function start(path: string) {
  const context = fakeContext();
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const probe = unixProbe({ kind: 'unix', path, owner: 'app', written: '' }, context);
  const waited = probe.wait(abort.signal);
  context.clock.advance(0);
  return { context, clock: context.clock, abort, probe, waited };
}

const reasonIs = (probe: { readonly reason: string }, reason: string) =>
  untilPasses(() => expect(probe.reason).toBe(reason));

describe('a unix probe', () => {
  it('is ready when it is accepted, and closes in order', async () => {
    const path = socketPath();
    const { errors, open } = await serve(path);
    const { clock, probe, waited } = start(path);
    expect(probe.name).toBe(`unix ${path}`);
    expect(await waited).toBe(probe.name);
    expect(clock.pending).toBe(0);
    await untilPasses(() => expect(open.size).toBe(0));
    expect(errors).toEqual([]);
  });

  it.each<[string, (socket: Socket) => void]>([
    ['never answers', () => {}],
    ['speaks first', (socket) => socket.resume().end('220 welcome\r\n'.repeat(1000))],
  ])('is ready if the app accepts and %s, and causes no error there', async (_, greet) => {
    const path = socketPath();
    const { errors, open } = await serve(path, greet);
    await start(path).waited;
    if (greet.length > 0) await untilPasses(() => expect(open.size).toBe(0));
    expect(errors).toEqual([]);
  });

  it('reports the reason, and retries until it is ready', async () => {
    const path = socketPath();
    const { clock, probe, waited } = start(path);
    await reasonIs(probe, 'does not exist');
    expect(await isSettled(waited)).toBe(false);
    await serve(path);
    clock.advance(20);
    await waited;
  });

  it('a missing directory is in the reason, and what creates it', async () => {
    const { probe } = start('/run/sd-ready-wrap-nowhere/socket');
    await reasonIs(
      probe,
      'does not exist, nor does /run/sd-ready-wrap-nowhere (RuntimeDirectory=sd-ready-wrap-nowhere creates it)',
    );
  });

  it('the reason follows when the directory is created', async () => {
    const directory = socketPath();
    const { clock, probe } = start(`${directory}/app.sock`);
    await reasonIs(probe, `does not exist, nor does ${directory}`);
    mkdirSync(directory);
    clock.advance(20);
    await reasonIs(probe, 'does not exist');
  });

  it('ignores a socket from an earlier start', async () => {
    const path = socketPath();
    // if killed, it does not remove its socket
    spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    expect(existsSync(path)).toBe(true);
    const { probe, waited } = start(path);
    await reasonIs(probe, 'ECONNREFUSED');
    expect(await isSettled(waited)).toBe(false);
  });

  it('ignores a file', async () => {
    const path = socketPath();
    writeFileSync(path, '');
    const { probe, waited } = start(path);
    await reasonIs(probe, 'ECONNREFUSED');
    expect(await isSettled(waited)).toBe(false);
  });

  it('takes a relative path', async () => {
    const path = socketPath();
    await serve(path);
    await start(relative(process.cwd(), path)).waited;
  });

  it("ignores another program's socket", async () => {
    const path = socketPath();
    await serve(path);
    const { context, clock, probe, waited } = start(path);
    context.owner = { by: 'other', holder: 'old app (pid 7)' };
    await reasonIs(probe, 'held by old app (pid 7), not by the app');
    expect(await isSettled(waited)).toBe(false);
    context.owner = { by: 'app' };
    // trusted for a while, because no other socket has appeared
    clock.advance(510);
    await waited;
  });

  it("ignores systemd's socket, which accepts before the app serves", async () => {
    const path = socketPath();
    await serve(path);
    const { context, probe, waited } = start(path);
    context.owner = { by: 'systemd' };
    await reasonIs(probe, 'accepted by systemd, not by the app yet');
    expect(await isSettled(waited)).toBe(false);
  });

  it.each(['unchanged', 'renamed'])('a file from before the start is old while it is unchanged: %s', async (what) => {
    const path = socketPath();
    await serve(path);
    const { context, probe, waited } = start(path);
    context.before.set(path, what === 'unchanged' ? (context.stamp(path) ?? '') : 'another');
    context.listeners.ownerOfPath = (_, isOld) => (isOld ? { by: 'other', holder: 'old (pid 7)' } : { by: 'app' });
    if (what === 'renamed') await waited;
    else await reasonIs(probe, 'held by old (pid 7), not by the app');
  });

  it('accepts a socket whose owner cannot be determined', async () => {
    const path = socketPath();
    await serve(path);
    const { context, waited } = start(path);
    context.owner = undefined;
    await waited;
  });

  it.each(['during an attempt', 'between two'])('an abort %s leaves nothing behind', async (when) => {
    const path = socketPath();
    const { clock, abort, probe, waited } = start(path);
    if (when === 'between two') await reasonIs(probe, 'does not exist');
    abort.abort();
    const { reason } = probe;
    expect(clock.pending).toBe(0);
    await serve(path);
    clock.advance(1000);
    expect(await isSettled(waited)).toBe(false);
    expect(probe.reason).toBe(reason);
  });
});
