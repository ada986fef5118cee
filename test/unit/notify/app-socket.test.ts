import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { type AppNotifySocket, openAppNotifySocket } from '../../../src/notify/app-socket.ts';
import type { AppNotice } from '../../../src/notify/parse.ts';
import type { Receive } from '../../../src/notify/transport.ts';
import { receiveByKoffi } from '../../../src/notify/transports/koffi.ts';
import { receiveByUnixDgram } from '../../../src/notify/transports/unix-dgram.ts';
import { tempDir } from '../../helpers/temp.ts';
import { until } from '../../helpers/until.ts';

const SENDS = fileURLToPath(new URL('../../fixtures/apps/sends.pl', import.meta.url));

/** Resolves when the kernel has all of them, and the event loop had a chance to read. */
async function send(path: string, ...datagrams: string[]): Promise<void> {
  const sender = spawn('perl', [SENDS, ...datagrams], { env: { NOTIFY_SOCKET: path }, stdio: 'inherit' });
  expect(await once(sender, 'exit')).toEqual([0, null]);
  for (let turns = 0; turns < 20; turns += 1) await turn();
}

describe("the app's notify socket", () => {
  let socket: AppNotifySocket | undefined;
  afterEach(() => socket?.close());

  it('keeps what comes before the first listener, for all listeners from the start', async () => {
    socket = await openAppNotifySocket({});
    await send(socket.path, 'STATUS=first', 'READY=1');
    const heard: [string, AppNotice][] = [];
    socket.onNotice((notice) => heard.push(['lifecycle', notice]));
    const stop = socket.onNotice((notice) => heard.push(['probe', notice]));
    expect(heard).toEqual([]);
    await until('both', () => heard.length === 4);
    expect(heard.map(([who, { ready }]) => `${who} ${ready}`)).toEqual([
      ...['lifecycle false', 'probe false', 'lifecycle true', 'probe true'],
    ]);
    stop();
    await send(socket.path, 'STOPPING=1');
    await until('the third', () => heard.length === 5);
    expect(heard.at(-1)).toMatchObject(['lifecycle', { stopping: true }]);
  });

  it('handles one message completely before the next', async () => {
    socket = await openAppNotifySocket({});
    const order: string[] = [];
    await send(socket.path, '3*STATUS=%d');
    socket.onNotice(({ rest }) => {
      order.push(`${rest}`);
      void Promise.resolve().then(() => order.push('done'));
    });
    await until('all', () => order.length === 6);
    expect(order).toEqual(['STATUS=1', 'done', 'STATUS=2', 'done', 'STATUS=3', 'done']);
  });

  it('is removed when closed, and receives no more', async () => {
    socket = await openAppNotifySocket({});
    const heard: AppNotice[] = [];
    await send(socket.path, 'READY=1');
    socket.onNotice((notice) => heard.push(notice));
    socket.close();
    socket.close();
    await turn();
    await turn();
    expect(heard).toEqual([]);
    expect(existsSync(socket.path)).toBe(false);
    socket = undefined;
  });
});

describe.each<[string, Receive]>([
  ['unix-dgram', receiveByUnixDgram],
  ['koffi', receiveByKoffi],
])('receiving by %s', (_, receive) => {
  it('reports a path that cannot be bound, and leaves nothing behind', async () => {
    using dir = tempDir();
    const listeners = process.listenerCount('SIGCHLD');
    const warmUp = await receive(dir.file('warm-up'), () => {});
    warmUp.close();
    const open = readdirSync('/proc/self/fd').length;
    const first = await receive(dir.file('socket'), () => {});
    await expect(receive(dir.file('socket'), () => {})).rejects.toThrow('bind: EADDRINUSE');
    await expect(receive(dir.file('no/socket'), () => {})).rejects.toThrow('bind: ENOENT');
    first.close();
    expect(process.listenerCount('SIGCHLD')).toBe(listeners);
    expect(readdirSync('/proc/self/fd')).toHaveLength(open);
  });

  it('delivers a datagram that is too long as one that is too long', async () => {
    using dir = tempDir();
    const lengths: number[] = [];
    const receiver = await receive(dir.file('socket'), ({ length }) => lengths.push(length));
    await send(dir.file('socket'), 'x'.repeat(4096), 'x'.repeat(4097), 'x'.repeat(5000), 'READY=1');
    await until('all four', () => lengths.length === 4);
    receiver.close();
    expect(lengths).toEqual([4096, expect.any(Number), expect.any(Number), 7]);
    expect(Math.min(...lengths.slice(1, 3))).toBeGreaterThan(4096);
  });
});
