import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { socketsOf } from '../../../src/sockets/descriptors.ts';
import { polls } from '../../../src/sockets/polled.ts';
import { testAsRoot } from '../../helpers/root.ts';
import { until } from '../../helpers/until.ts';
import { listen } from '../sockets.ts';

/** A Node with a listening socket as descriptor 3. */
async function withSocket(
  script: string,
  wrapped: readonly string[] = [],
): Promise<{ child: ChildProcess; ino: number }> {
  const server = await listen('127.0.0.1');
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const { ino } = (await import('node:fs')).fstatSync(fd);
  const [command = '', ...args] = [...wrapped, process.execPath, '-e', `console.log('up');${script}`];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit', fd] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(createInterface(child.stdout as NodeJS.ReadableStream), 'line');
  return { child, ino };
}

const SERVE = "const s=require('net').createServer().listen({fd:3});";

describe('a process polls an inherited socket', () => {
  it('not while it only holds it', async () => {
    const { child, ino } = await withSocket('setInterval(() => {}, 1000)');
    expect(socketsOf(child.pid as number)).toContain(ino);
    expect(polls(child.pid as number, ino)).toBe(false);
  });

  it('once it serves it, and no other', async () => {
    const { child, ino } = await withSocket(SERVE);
    await until('it to poll', () => polls(child.pid as number, ino));
    const others = (socketsOf(child.pid as number) as readonly number[]).filter((each) => each !== ino);
    expect(others.filter((each) => polls(child.pid as number, each))).toEqual([]);
  });

  it('no longer after it closed its server', async () => {
    const { child, ino } = await withSocket(`${SERVE}process.stdin.once('data', () => s.close())`);
    await until('it to poll', () => polls(child.pid as number, ino));
    child.stdin?.write('x');
    await until('it to stop', () => !polls(child.pid as number, ino));
  });

  it('not while another file has its number', async () => {
    const script = "require('fs').closeSync(3);require('net').createServer().listen(0);setInterval(() => {}, 1000)";
    const { child, ino } = await withSocket(script);
    const own = () =>
      (socketsOf(child.pid as number) as readonly number[]).some((each) => polls(child.pid as number, each));
    await until('it to poll its own', own);
    expect(polls(child.pid as number, ino)).toBe(false);
  });

  it('not after it has ended', async () => {
    const { child, ino } = await withSocket('');
    await once(child, 'exit');
    expect(polls(child.pid as number, ino)).toBe(false);
  });

  testAsRoot('and root sees that of another user too', async () => {
    const { child, ino } = await withSocket(SERVE, ['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups']);
    await until('it to poll', () => polls(child.pid as number, ino));
  });
});
