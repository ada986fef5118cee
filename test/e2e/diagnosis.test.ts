/** Promise: when a start fails, the last lines of the log say what to do. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { formatDuration } from '../../src/base/time-span.ts';
import { app, NODE, sh } from '../helpers/apps.ts';
import { freePort } from '../helpers/free-port.ts';
import { install } from '../helpers/install.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { scaled } from '../helpers/pace.js';
import { tempDir } from '../helpers/temp.ts';
import { ADDON, WITHOUT_FFI } from '../helpers/transport.ts';
import { Run, wrap } from '../helpers/wrap.ts';

/** A server that takes time to stop. */
const SERVER = `
  process.on('SIGTERM', () => setTimeout(process.exit, 1000));
  require('net').createServer().listen(...JSON.parse(process.argv[1]), () => console.log('listening'));
`;
const server = (...where: (string | number)[]) => ['--', NODE, '-e', SERVER, JSON.stringify(where)];

/** The end of the log: what went wrong, what to do, how it ended. */
const last = (run: Run) => run.log.slice(-3).map(({ event, msg }) => [event, msg]);

// systemctl sends ERRNO= to NOTIFY_SOCKET when it fails (_DEFINE_MAIN_FUNCTION() in systemd's main-func.h)
test('systemctl cannot send notifications in the name of the unit', async () => {
  using dir = tempDir();
  writeFileSync(dir.file('systemctl'), '#!/bin/sh\nenv >env\n', { mode: 0o755 });
  const port = await freePort();
  const other = createServer().listen(port, '127.0.0.1');
  onTestFinished(() => void other.close());
  await using receiver = await NotifyReceiver.start();
  const env = { PATH: `${dir.path}:${process.env['PATH']}`, NOTIFY_SOCKET: receiver.path };
  await using run = wrap(['--listen', `${port}`, ...server(port, '127.0.0.1')], { cwd: dir.path, env });
  expect(await run.closed).toEqual({ code: 1 });
  const received = readFileSync(dir.file('env'), 'utf8');
  expect(received).toContain(`PATH=${dir.path}`);
  expect(received).not.toContain('NOTIFY_SOCKET');
});

describe('not ready in time', () => {
  test('reports the port that the app listens on instead', async () => {
    const [wanted, port] = [await freePort(), await freePort()];
    await using run = wrap(['--tcp', `${wanted}`, '--timeout', `${scaled(3000)}ms`, ...server(port, '127.0.0.1')]);
    expect(await run.closed).toEqual({ code: 124 });
    const advice =
      `the app listens on 127.0.0.1:${port}, not on 127.0.0.1:${wanted} or [::1]:${wanted}: ` +
      `write --tcp ${port}, or change where the app listens`;
    expect(last(run)).toEqual([
      ['not-ready', `not ready after ${formatDuration(scaled(3000))}: tcp 127.0.0.1:${wanted}: ECONNREFUSED`],
      ['advice', advice],
      ['exited', 'the app exited with code 0'],
    ]);
  });

  test('reports that the app has opened no port', async () => {
    await using run = wrap(['--tcp', `${await freePort()}`, '--timeout', '500ms', ...app('does-as-told')]);
    expect(await run.closed).toEqual({ code: 124 });
    expect(last(run)[1]?.[1]).toContain('the app has not opened any port');
  });
});

test('reports the process that holds the port when the app dies of it', async () => {
  const port = await freePort();
  const other = createServer().listen(port, '127.0.0.1');
  onTestFinished(() => void other.close());
  await using run = wrap(['--listen', `${port}`, ...server(port, '127.0.0.1')]);
  expect(await run.closed).toEqual({ code: 1 });
  const [, advice, exited] = last(run);
  const holder = `node (pid ${process.pid})`;
  expect(advice).toEqual(['advice', `port ${port} is held by ${holder}: free it, or give the app another port`]);
  expect(exited?.[1]).toMatch(/^the app exited with code 1 after .*, before it was ready: listen /);
});

test('a stop before readiness reports what was pending and what is wrong', async () => {
  const [wanted, port] = [await freePort(), await freePort()];
  await using run = wrap(['--tcp', `${wanted}`, ...server(port, '127.0.0.1')]);
  await run.until('stdout', 'listening');
  await run.logged('started');
  run.kill('SIGTERM');
  await run.closed;
  expect((await run.logged('stop-requested')).msg).toMatch(
    new RegExp(`^stopped by SIGTERM after .*, before the app was ready: tcp 127.0.0.1:${wanted}`),
  );
  expect((await run.logged('advice')).msg).toContain(`the app listens on 127.0.0.1:${port}, not on`);
});

test('a stop before another readiness signal reports the port that the app listens on', async () => {
  const port = await freePort();
  await using run = wrap(['--stderr', 'up', ...server(port, '127.0.0.1')]);
  await run.until('stdout', 'listening');
  await run.logged('started');
  run.kill('SIGTERM');
  await run.closed;
  expect((await run.logged('advice')).msg).toBe(
    `the app listens on 127.0.0.1:${port}: if listening means ready, write --tcp ${port}`,
  );
});

describe('an addon that was built for another Node', () => {
  /** Changes the number that Node compares: nm_version of struct node_module in its node.h. */
  function age(bin: string): void {
    const file = join(dirname(bin), '../node_modules/unix-dgram/build/Release/unix_dgram.node');
    const addon = readFileSync(file);
    const header = Buffer.alloc(16);
    header.writeInt32LE(Number(process.versions.modules));
    const at = addon.indexOf(header);
    // already built for another Node
    if (at < 0 && ADDON === 'koffi') return;
    expect(at).toBeGreaterThan(0);
    addon.writeInt32LE(93, at);
    writeFileSync(file, addon);
  }

  test('alone: one line that names it and the command to fix it', async () => {
    using installed = install('unix-dgram');
    age(installed.bin);
    await using receiver = await NotifyReceiver.start();
    await using run = new Run(NODE, [...WITHOUT_FFI, installed.bin, '--delay', '1ms', 'true'], {
      env: { NOTIFY_SOCKET: receiver.path },
    });
    expect(await run.closed).toEqual({ code: 125 });
    expect(run.stderr.lines).toHaveLength(1);
    const { modules } = process.versions;
    expect(run.stderr.text).toContain(
      `unix-dgram: built for another Node (NODE_MODULE_VERSION ${ADDON === 'koffi' ? 115 : 93}, ` +
        `${process.version} has ${modules})`,
    );
    const directory = dirname(dirname(installed.bin));
    expect(run.stderr.text).toContain(
      `npm rebuild unix-dgram, or npm install koffi (no compiler needed), in ${directory}; or write OpenFile=`,
    );
  });

  test('beside koffi: is skipped', async () => {
    using installed = install('unix-dgram', 'koffi');
    age(installed.bin);
    await using receiver = await NotifyReceiver.start();
    await using _run = new Run(NODE, [...WITHOUT_FFI, installed.bin, '--delay', '1ms', 'sleep', '100'], {
      env: { NOTIFY_SOCKET: receiver.path },
    });
    await receiver.untilReady();
  });
});

describe('operator errors', () => {
  test("the app's STATUS= does not hide it from systemd", async () => {
    await using receiver = await NotifyReceiver.start();
    const env = { NOTIFY_SOCKET: receiver.path };
    await using run = wrap(['--delay', '1ms', '--', '/no/such/app', '--dry-run'], { env });
    expect(await run.closed).toEqual({ code: 127 });
    await receiver.settled();
    expect(receiver.assignments()).toContainEqual(expect.stringMatching(/^STATUS=.*cannot start \/no\/such\/app/));
  });

  test.each([
    [
      'a regex without quotes',
      ['--stdout', 'listening', 'on', '--', 'node', 'app.js'],
      'cannot start on: not found (ENOENT); options end at the first word that is not an option: if it belongs ' +
        'to the ' +
        "value before it, quote the whole value, e.g. --stdout 'listening on' --",
      127,
    ],
    [
      'a variable that is not set',
      ['--tcp', '', '--', 'true'],
      '--tcp: its value is empty; if a variable is written there, it may not be set; write e.g. --tcp 3000',
      125,
    ],
    [
      'an option whose variable is not set, without quotes',
      ['--tcp', '--', 'true'],
      '--tcp: its value is missing; if a variable is written there, it may not be set; write e.g. --tcp 3000',
      125,
    ],
    [
      'an option whose variable is not set, without quotes',
      ['--tcp', '--', 'true'],
      '--tcp: its value is missing; if a variable is written there, it may not be set; write e.g. --tcp 3000',
      125,
    ],
    [
      'a command that is a variable',
      ['--tcp', '3000', '--', ''],
      '<command>: the command is empty; write the command that starts the app, e.g. node app.js; ' +
        'if a variable is written there, it may not be set',
      125,
    ],
  ])('%s: one line, repeated in STATUS=', async (_, words, line, code) => {
    await using receiver = await NotifyReceiver.start();
    await using run = wrap(words, { env: { NOTIFY_SOCKET: receiver.path } });
    expect(await run.closed).toEqual({ code });
    expect(run.stderr.lines.at(-1)).toBe(`sd-ready-wrap: ${line}`);
    await receiver.settled();
    expect(receiver.assignments().at(-1)).toBe(`STATUS=${line}`);
  });

  test.each([
    [['>', '/tmp/log'], '>'],
    [['2>&1'], '2>&1'],
    [['a', '&&', 'b'], '&&'],
    [['|', 'tee'], '|'],
    [['>>/var/log/app'], '>>/var/log/app'],
  ])('the shell operator %j is an argument, with one warning', async (words, operator) => {
    await using run = wrap(['--delay', '1h', '--', ...sh('exit 0'), 'sh', ...words]);
    await run.closed;
    const warnings = run.log.filter(({ event }) => event === 'warning').map(({ msg }) => msg);
    expect(warnings).toEqual([expect.stringContaining(`${operator} went to the app as an argument`)]);
  });

  test('no warning for find(1) and others, which use such words themselves', async () => {
    await using run = wrap([
      '--delay',
      '1h',
      '--',
      ...sh('exit 0'),
      'sh',
      '-exec',
      'ls',
      '{}',
      ';',
      '<html>',
      '->',
      '&x',
    ]);
    await run.closed;
    expect(run.log.filter(({ event }) => event === 'warning')).toEqual([]);
  });

  test.each([
    [
      'a missing module',
      ["require('./not-there')"],
      /code 1 after .*, before it was ready.*; its last line of output: .*(Error: Cannot find module|MODULE_NOT_FOUND)/,
    ],
    [
      'a privileged port',
      ["throw Object.assign(new Error('listen EACCES: permission denied 0.0.0.0:80'))"],
      /its last line of output: Error: listen EACCES: permission denied 0\.0\.0\.0:80/,
    ],
  ])('STATUS= quotes the error of an app that crashes at its start: %s', async (_, [script = ''], text) => {
    await using receiver = await NotifyReceiver.start();
    await using run = wrap(['--stderr', '^up', '--', NODE, '-e', script], { env: { NOTIFY_SOCKET: receiver.path } });
    expect(await run.closed).toEqual({ code: 1 });
    await receiver.settled();
    expect(receiver.assignments().at(-1)).toMatch(text);
  });

  test('reports no refusal if the app crashed before it listened', async () => {
    await using receiver = await NotifyReceiver.start();
    await using run = wrap(
      ['--tcp', `${await freePort()}`, '--', NODE, '-e', 'setTimeout(() => process.exit(1), 200)'],
      {
        env: { NOTIFY_SOCKET: receiver.path },
      },
    );
    expect(await run.closed).toEqual({ code: 1 });
    await receiver.settled();
    const last = receiver.assignments().at(-1);
    expect(last).toMatch(/^STATUS=the app exited with code 1 after .*, before it listened \(tcp /);
    expect(last).not.toContain('ECONNREFUSED');
  });
});
