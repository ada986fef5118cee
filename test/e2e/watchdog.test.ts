/** Promise: --watchdog. What systemd receives and when; an app whose event loop is watched sees no difference. */
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { NODE, sh } from '../helpers/apps.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { scaled } from '../helpers/pace.js';
import { testAsRoot } from '../helpers/root.ts';
import { tempDir } from '../helpers/temp.ts';
import { until } from '../helpers/until.ts';
import { direct, Run, wrap } from '../helpers/wrap.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../fixtures/apps/', import.meta.url));
const SENDS = `perl ${FIXTURES}sends.pl`;

/** Ready after a line on its stdin; ends after the next. */
const APP = sh('read _; echo ready; read _; exit 0');

async function watched(
  flags: readonly string[],
  { app = APP, env = {} }: { app?: readonly string[]; env?: Record<string, string> } = {},
) {
  const receiver = await NotifyReceiver.start();
  const run = wrap([...flags, '--', ...app], {
    env: { NOTIFY_SOCKET: receiver.path, WATCHDOG_USEC: '200000', ...env },
  });
  const pings = () => receiver.messages().filter(({ text }) => text.split('\n').includes('WATCHDOG=1'));
  return {
    receiver,
    run,
    pings,
    async [Symbol.asyncDispose]() {
      await run[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
}

describe('pings', () => {
  test('one with READY=1, then one each half interval from the main process, until its end', async () => {
    await using it = await watched(['--stdout', '^ready', '--extend-timeout', '100ms'], {
      env: { WATCHDOG_USEC: `${scaled(200_000)}` },
    });
    // one each 50 ms: longer than an interval of the watchdog
    const waits = () => it.receiver.messages().filter(({ text }) => text.startsWith('EXTEND_TIMEOUT_USEC='));
    await until('the wait', () => waits().length > 5);
    expect(it.pings()).toEqual([]);
    it.run.tell('be ready');
    const ready = await it.receiver.untilReady();
    expect(ready.text).toMatch(/^READY=1\nSTATUS=.*\nWATCHDOG=1$/);
    await until('pings', () => it.pings().length > 10);
    const pings = it.pings().slice(0, 11);
    const took = (pings[10]?.at ?? 0) - (pings[0]?.at ?? 0);
    expect(took).toBeGreaterThan(scaled(900));
    expect(new Set(pings.map(({ pid }) => pid))).toEqual(new Set([it.run.pid]));
    it.run.tell('end');
    expect(await it.run.closed).toEqual({ code: 0 });
    await it.receiver.settled();
    expect(it.receiver.assignments()).not.toContain('STOPPING=1');
  });

  test.each<[string, string[], Record<string, string>, string[]]>([
    ['--watchdog off', ['--watchdog', 'off'], {}, []],
    ['WATCHDOG_PID= of another process', [], { WATCHDOG_PID: '1' }, []],
    [
      'nonsense in WATCHDOG_USEC=',
      [],
      { WATCHDOG_USEC: '5s' },
      ['WATCHDOG_USEC=5s is not a number of microseconds: no WATCHDOG=1 is sent'],
    ],
  ])('%s: none', async (_, flags, env, warnings) => {
    await using it = await watched([...flags, '--stdout', '^ready'], { env });
    it.run.tell('be ready');
    await it.run.logged('ready');
    await it.run.settled();
    it.run.tell('end');
    expect(await it.run.closed).toEqual({ code: 0 });
    await it.receiver.settled();
    expect(it.pings()).toEqual([]);
    expect(it.run.log.filter(({ level }) => level >= 40).map(({ msg }) => msg)).toEqual(warnings);
  });

  test("are sent if WATCHDOG_PID= is the wrapper's own, as systemd sets it", async () => {
    const receiver = await NotifyReceiver.start();
    await using _ = receiver;
    await using run = wrap(['--stdout', '^ready', '--', ...APP], {
      env: { NOTIFY_SOCKET: receiver.path, WATCHDOG_USEC: '200000' },
      under: sh('WATCHDOG_PID=$$ exec "$@"'),
    });
    run.tell('be ready');
    expect((await receiver.untilReady()).text).toContain('WATCHDOG=1');
  });
});

describe('the app', () => {
  const PRINTS = `echo "usec=$WATCHDOG_USEC pid=$WATCHDOG_PID app=$$ socket=\${NOTIFY_SOCKET:+yes}"; read _`;

  test.each([
    ['process', '--tcp 9', /^usec= pid= app=\d+ socket=$/],
    ['process', '--notify', /^usec=200000 pid= app=\d+ socket=yes$/],
    ['off', '--notify', /^usec=200000 pid= app=\d+ socket=yes$/],
    ['probe', '--tcp 9 --notify', /^usec= pid= app=\d+ socket=yes$/],
    ['app', '--notify', /^usec=200000 pid=(\d+) app=\1 socket=yes$/],
    ['app', '--tcp 9', /^usec=200000 pid=(\d+) app=\1 socket=yes$/],
  ])('--watchdog %s %s: gets the variables that it needs', async (mode, probe, seen) => {
    await using it = await watched(['--watchdog', mode, ...probe.split(' ')], { app: sh(PRINTS) });
    await it.run.until('stdout', 'socket=');
    expect(it.run.stdout.lines[0]).toMatch(seen);
  });

  test('--watchdog app over IPC', async () => {
    const script = `console.log([process.env.WATCHDOG_USEC, process.env.WATCHDOG_PID == process.pid].join());
      process.stdin.once('data', () => process.send('ready', () => process.send('WATCHDOG=1')))`;
    await using it = await watched(['--watchdog', 'app', '--ipc'], { app: [NODE, '-e', script] });
    await it.run.until('stdout', '\n');
    expect(it.run.stdout.lines[0]).toBe('200000,true');
    it.run.tell('be ready');
    const ping = await it.receiver.until(({ text }) => text === 'WATCHDOG=1');
    expect(ping.pid).toBe(it.run.pid);
    await it.run.logged('unhealthy');
    expect(it.pings()).toHaveLength(1);
  });

  test.each([
    ['process', true],
    ['off', true],
    ['app', true],
    ['probe', false],
  ])('--watchdog %s: its own WATCHDOG=1 is passed on to systemd: %s', async (mode, passed) => {
    const app = sh(`${SENDS} WATCHDOG=1 ERRNO=1 READY=1 ERRNO=2 WATCHDOG=1 ERRNO=3 WATCHDOG=trigger; exec cat`);
    await using it = await watched(['--watchdog', mode, '--notify', '--exec', 'true', '--ready-when', 'any'], {
      app,
      // no ping of ours in between
      env: { WATCHDOG_USEC: '3600000000' },
    });
    await it.receiver.until(({ text }) => text === 'WATCHDOG=trigger');
    const texts = it.receiver.messages().map(({ text }) => text);
    expect(texts.slice(texts.indexOf('ERRNO=2'))).toEqual([
      'ERRNO=2',
      ...(passed ? ['WATCHDOG=1'] : []),
      'ERRNO=3',
      'WATCHDOG=trigger',
    ]);
  });

  test('is stopped without a STOPPING=1, unless it sends one', async () => {
    const app = sh(`trap '${SENDS} ERRNO=4; exit 0' TERM; echo ready; while :; do sleep 0.02; done`);
    await using it = await watched(['--stdout', '^ready', '--watchdog', 'app'], { app });
    await it.run.logged('ready');
    it.run.kill('SIGTERM');
    await it.run.closed;
    await it.receiver.until(({ text }) => text === 'ERRNO=4');
    await it.receiver.settled();
    expect(it.receiver.assignments()).not.toContain('STOPPING=1');
    await using other = await watched(['--stdout', '^ready', '--watchdog', 'app'], {
      app: sh(`trap '${SENDS} STOPPING=1; exit 0' TERM; echo ready; while :; do sleep 0.02; done`),
    });
    await other.run.logged('ready');
    other.run.kill('SIGTERM');
    await other.run.closed;
    await other.receiver.until(({ text }) => text === 'STOPPING=1');
  });
});

describe('--watchdog loop', () => {
  const APPS: [string, string[], Record<string, string>][] = [
    ['CommonJS', [], {}],
    ['with options of its own', ['--stack-trace-limit=20'], {}],
    ['with NODE_OPTIONS', [], { NODE_OPTIONS: '--max-old-space-size=200 --no-warnings', KEPT: 'x' }],
    ['with a preload of its own', [], { NODE_OPTIONS: `--require "${FIXTURES}a preload.cjs"` }],
  ];

  test.each(APPS)('an app, its children and workers see no difference: %s', async (_, options, env) => {
    const app = [NODE, ...options, `${FIXTURES}tells-of-itself.cjs`];
    await using alone = direct(app, { env });
    await alone.closed;
    await using it = await watched(['--watchdog', 'loop', '--delay', '1h'], { app, env });
    expect(await it.run.closed).toEqual({ code: 0 });
    expect(JSON.parse(it.run.stdout.text)).toEqual(JSON.parse(alone.stdout.text));
    expect(alone.stderr.text).toBe('');
  });

  test.each([
    ['CommonJS', 'app.cjs'],
    ['an ES module', 'app.mjs'],
  ])('%s beats, alone and with IPC and --fd, from a path with special characters', async (_, name) => {
    using dir = tempDir();
    const home = dir.file('it\'s "quoted" & wide');
    mkdirSync(home);
    for (const part of ['bin', 'dist', 'package.json']) {
      cpSync(path.join(REPOSITORY, part), path.join(home, part), { recursive: true });
    }
    symlinkSync(path.join(REPOSITORY, 'node_modules'), path.join(home, 'node_modules'));
    const app = dir.file(name);
    const fs = name.endsWith('.mjs') ? "import fs from 'node:fs';" : "const fs = require('node:fs');";
    writeFileSync(
      app,
      `${fs}
       fs.writeSync(3, '\\n');
       process.send('ready');
       process.stdin.once('data', () => { for (;;); });`,
    );
    const receiver = await NotifyReceiver.start();
    await using _receiver = receiver;
    const flags = ['--watchdog', 'loop', '--ipc', '--fd', '3'];
    await using run = new Run(NODE, [path.join(home, 'bin/sd-ready-wrap.cjs'), ...flags, '--', NODE, app], {
      env: { NOTIFY_SOCKET: receiver.path, WATCHDOG_USEC: `${scaled(400_000)}` },
    });
    const pings = () => receiver.messages().filter(({ text }) => text === 'WATCHDOG=1');
    await until('pings', () => pings().length > 5);
    expect(run.log.filter(({ level }) => level >= 40)).toEqual([]);
    run.tell('hang');
    expect((await run.logged('unhealthy')).msg).toContain('its event loop is blocked');
    await receiver.settled();
    const last = pings().length;
    await run.settled();
    await receiver.settled();
    expect(pings()).toHaveLength(last);
    run.kill('SIGKILL');
  });

  /** Starts a worker on command, and prints its result. */
  const STARTS_WORKER = `
    console.log('ready');
    process.stdin.once('data', () => {
      new (require('node:worker_threads').Worker)('0', { eval: true })
        .once('exit', (code) => console.log('worker', code))
        .once('error', ({ message }) => console.log(message));
    });`;

  test('the app can still start workers after an update has removed our files', async () => {
    using dir = tempDir();
    for (const part of ['bin', 'dist', 'package.json']) {
      cpSync(path.join(REPOSITORY, part), dir.file(part), { recursive: true });
    }
    symlinkSync(path.join(REPOSITORY, 'node_modules'), dir.file('node_modules'));
    await using receiver = await NotifyReceiver.start();
    const words = ['--watchdog', 'loop', '--stdout', '^ready', '--', NODE, '-e', STARTS_WORKER];
    await using run = new Run(NODE, [dir.file('bin/sd-ready-wrap.cjs'), ...words], {
      env: { NOTIFY_SOCKET: receiver.path, WATCHDOG_USEC: '400000' },
    });
    await run.logged('ready');
    for (const part of ['bin', 'dist', 'package.json', 'node_modules']) rmSync(dir.file(part), { recursive: true });
    run.tell('now');
    await until('the worker', () => run.stdout.text.includes('worker') || run.stdout.text.includes('Cannot'));
    expect(run.stdout.lines).toEqual(['ready', 'worker 0']);
  });

  testAsRoot('an app that gives up root can start workers', async () => {
    // Node since 24.22 starts no worker with any --require in a directory that it may not read
    const app = [NODE, '-e', `process.chdir('/'); process.setgid(1000); process.setuid(1000); ${STARTS_WORKER}`];
    await using it = await watched(['--watchdog', 'loop', '--stdout', '^ready'], { app });
    await it.run.logged('ready');
    it.run.tell('now');
    await until('the worker', () => it.run.stdout.lines.length > 1);
    expect(it.run.stdout.lines).toEqual(['ready', 'worker 0']);
  });

  test('NODE_OPTIONS of an --env-file count as without it', async () => {
    using dir = tempDir();
    writeFileSync(dir.file('.env'), 'NODE_OPTIONS="--title=from-the-file"\n');
    const script = 'console.log(process.title, process.env.NODE_OPTIONS)';
    const app = [NODE, `--env-file=${dir.file('.env')}`, '-e', script];
    await using alone = direct(app);
    await alone.closed;
    await using it = await watched(['--watchdog', 'loop', '--delay', '1h'], { app });
    expect(await it.run.closed).toEqual({ code: 0 });
    expect(it.run.stdout.text).toBe(alone.stdout.text);
    expect(alone.stdout.text).toContain('from-the-file');
  });

  test('the main thread counts, workers do not', async () => {
    const script = `
      new (require('node:worker_threads').Worker)('setInterval(() => {}, 5)', { eval: true }).once('online', () => {
        console.log('ready');
        process.stdin.once('data', () => { for (;;); });
      });`;
    await using it = await watched(['--watchdog', 'loop', '--stdout', '^ready'], { app: [NODE, '-e', script] });
    await it.run.logged('ready');
    it.run.tell('hang');
    await it.run.logged('unhealthy');
  });

  test('keeps another file that an app opened at the closed descriptor as it is', async () => {
    using dir = tempDir();
    const file = dir.file('data');
    writeFileSync(file, 'as it was');
    const script = `
      const fs = require('node:fs');
      for (let fd = 3; fd < 200; fd += 1) {
        try { if (/dev.shm/.test(fs.readlinkSync('/proc/self/fd/' + fd))) { fs.closeSync(fd); break; } } catch {}
      }
      fs.openSync(${JSON.stringify(file)}, 'r+');
      console.log('ready');
      setInterval(() => {}, 1000);`;
    await using it = await watched(['--watchdog', 'loop', '--stdout', '^ready'], { app: [NODE, '-e', script] });
    await it.run.logged('unhealthy');
    await using cat = direct(['cat', file]);
    await cat.closed;
    expect(cat.stdout.text).toBe('as it was');
  });

  test.each([
    ['a Node that does not load it', [], 'the app is ready, but its event loop sent no heartbeat'],
    ['a Node that may not read files', ['--experimental-permission'], "Node's permission model forbids it"],
  ])('%s: one warning, and falls back to --watchdog process', async (_, options, why) => {
    using dir = tempDir();
    const node = dir.file('node');
    writeFileSync(node, '#!/bin/sh\necho ready\nread _\n', { mode: 0o755 });
    await using it = await watched(['--watchdog', 'loop', '--stdout', '^ready'], { app: [node, ...options, 'x.js'] });
    await until('pings', () => it.pings().length > 3);
    const warnings = it.run.log.filter(({ level }) => level >= 40).map(({ msg }) => msg);
    expect(warnings).toEqual([`--watchdog loop: ${why}; using --watchdog process`]);
  });

  test('without WatchdogSec= the app is started as usual', async () => {
    const script = 'console.log(process.env.NODE_OPTIONS, process.env.SD_READY_WRAP_BEAT)';
    await using run = wrap(['--watchdog', 'loop', '--delay', '1h', '--', NODE, '-e', script]);
    await run.closed;
    expect(run.stdout.text).toBe('undefined undefined\n');
  });
});
