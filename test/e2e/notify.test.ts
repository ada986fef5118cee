/**
 * Promise: systemd gets the notifications that it needs, from the wrapper's own pid, and a busy systemd gets them
 * later.
 */
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { app } from '../helpers/apps.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { tempDir } from '../helpers/temp.ts';
import { wrap } from '../helpers/wrap.ts';

const OPTIONS = ['--stdout', '^ready', '--', ...app('does-as-told')];

test('the notifications in the life of an app', async () => {
  await using receiver = await NotifyReceiver.start();
  await using run = wrap(OPTIONS, { env: { NOTIFY_SOCKET: receiver.path } });
  const pid = await run.appPid();
  await receiver.until(({ text }) => /^STATUS=Starting since \d\d:\d\d:\d\d: waiting for .+$/.test(text));
  run.tell('say ready');
  const ready = await receiver.untilReady();
  expect(ready.text).toMatch(new RegExp(`^READY=1\\nSTATUS=App \\(pid ${pid}\\) ready after .+: stdout /\\^ready/$`));
  run.tell('exit 3');
  expect(await run.closed).toEqual({ code: 3 });
  await receiver.until(({ text }) => text === 'STATUS=the app exited with code 3');

  // NotifyAccess=main accepts the main process only
  expect(new Set(receiver.messages().map((datagram) => datagram.pid))).toEqual(new Set([run.pid]));
  for (const { text } of receiver.messages()) {
    // two of them in one datagram mean different things in different versions of systemd
    expect(text.match(/^(READY|RELOADING|STOPPING)=/gm)?.length ?? 0).toBeLessThanOrEqual(1);
    for (const line of text.split('\n')) expect(line).toMatch(/^[A-Z_]+=/);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
  }
  expect(receiver.assignments().filter((line) => line === 'READY=1')).toHaveLength(1);
  // it starts the TimeoutStopSec clock, which the app did not ask for
  expect(receiver.assignments()).not.toContain('STOPPING=1');
});

test('a text with line ends and control characters adds no assignment', async () => {
  await using receiver = await NotifyReceiver.start();
  await using run = wrap(['--stdout', `up\nREADY=1\r\u001b\u009b\t${'x'.repeat(6000)}`, '--', ...app('does-as-told')], {
    env: { NOTIFY_SOCKET: receiver.path },
  });
  await run.until('stdout', 'started');
  await run.settled();
  await receiver.settled();
  expect(receiver.assignments().length).toBeGreaterThan(0);
  for (const line of receiver.assignments()) expect(line).toMatch(/^STATUS=\P{Cc}+$/u);
});

describe('a full queue', () => {
  test('is retried until all is sent, in order', async () => {
    await using receiver = await NotifyReceiver.start();
    await receiver.pause();
    await receiver.fill();
    await using run = wrap(OPTIONS, { env: { NOTIFY_SOCKET: receiver.path } });
    run.tell('say ready');
    await run.logged('ready');
    // meanwhile signals and output pass
    await run.settled();
    run.tell('say more');
    await run.until('stdout', 'more');
    await receiver.resume();
    await receiver.untilReady();
    expect(receiver.assignments().filter((line) => line === 'READY=1')).toHaveLength(1);
    expect(run.log.filter(({ level }) => level >= 40)).toEqual([]);
  });

  test('does not delay the end of the app', async () => {
    await using receiver = await NotifyReceiver.start();
    await receiver.pause();
    await receiver.fill();
    await using run = wrap(OPTIONS, { env: { NOTIFY_SOCKET: receiver.path } });
    run.tell('say ready');
    await run.logged('ready');
    run.tell('exit 3');
    expect(await run.closed).toEqual({ code: 3 });
  });
});

test.each([[undefined], ['']])('NOTIFY_SOCKET=%j is not an error', async (socket) => {
  await using run = wrap(OPTIONS, { env: socket === undefined ? {} : { NOTIFY_SOCKET: socket } });
  run.tell('say ready');
  await run.logged('ready');
  run.tell('exit 0');
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.log.filter(({ level }) => level >= 40)).toEqual([]);
});

test('without a notify socket under systemd: one warning that names Type=notify', async () => {
  await using run = wrap(OPTIONS, { env: { INVOCATION_ID: 'f3a1b1a5c1f24f6c9a1e1d1c2b3a4f5e' } });
  run.tell('say ready');
  await run.logged('ready');
  const warnings = run.log.filter(({ level }) => level >= 40);
  expect(warnings.map(({ msg }) => msg)).toEqual([expect.stringContaining('Type=notify')]);
});

test.each([
  ['nonsense', 'foo'],
  ['a relative path', 'run/notify'],
  ['@ alone', '@'],
  ['a vsock address', 'vsock:1:2'],
  ['a path that does not fit', `/${'x'.repeat(107)}`],
  ['an abstract name that does not fit', `@${'x'.repeat(107)}`],
  ['characters of several bytes that do not fit', `/${'\u{1f30a}'.repeat(27)}`],
  ['a path without a listener', '/no/such/socket'],
  ['a path that is not a socket', '/dev/null'],
])('%s in NOTIFY_SOCKET: one line, exit 125, and no app', async (_, socket) => {
  using dir = tempDir();
  await using run = wrap(['--stdout', 'x', '--', 'touch', dir.file('started')], { env: { NOTIFY_SOCKET: socket } });
  expect(await run.closed).toEqual({ code: 125 });
  expect(run.stderr.lines).toEqual([expect.stringMatching(/^sd-ready-wrap: NOTIFY_SOCKET/)]);
  expect(run.stderr.text.length).toBeLessThan(300);
  expect(readdirSync(dir.path)).toEqual([]);
});

test('a systemd that goes away does not harm the app, and gets READY=1 when it is back', async () => {
  const receiver = await NotifyReceiver.start();
  await using run = wrap(OPTIONS, { env: { NOTIFY_SOCKET: receiver.path } });
  await receiver.until(({ text }) => text.startsWith('STATUS='));
  await receiver[Symbol.asyncDispose]();
  run.tell('say ready');
  await run.logged('ready');
  expect((await run.logged('warning')).msg).toMatch(/ENOENT|ECONNREFUSED/);
  await using again = await NotifyReceiver.start(receiver.path);
  await again.untilReady();
  run.tell('exit 0');
  expect(await run.closed).toEqual({ code: 0 });
});
