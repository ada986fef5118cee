/** Promise: an app that uses sd-ready-wrap/client is heard over each transport; without a listener it does nothing. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { NODE } from '../helpers/apps.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { tempDir } from '../helpers/temp.ts';
import { wrap } from '../helpers/wrap.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const OPENS = fileURLToPath(new URL('../fixtures/opens-files.pl', import.meta.url));
const app = (...words: string[]) => [
  NODE,
  fileURLToPath(new URL('../fixtures/apps/uses-client.mjs', import.meta.url)),
  ...words,
];

/** The app's notifications, without the wrapper's own. */
async function said(receiver: NotifyReceiver, pid: number): Promise<string[]> {
  await receiver.settled();
  expect(new Set(receiver.messages().map((message) => message.pid))).toEqual(new Set([pid]));
  return receiver.assignments().filter((assignment) => !/^STATUS=(Start|App|the app)/.test(assignment));
}

describe.each([
  ['--notify', ['--notify']],
  ['no probe', []],
  ['--ipc', ['--ipc']],
  ['--ipc-message', ['--ipc-message', 'online']],
  ['--ipc and --notify', ['--ipc', '--notify']],
])('under %s', (_, options) => {
  const ipc = options[0]?.startsWith('--ipc') ?? false;

  test('passes each call on, in order, from the main process', async () => {
    await using receiver = await NotifyReceiver.start();
    const words = ['status=a\nb\\c', 'extendTimeout=1500', 'ready', 'status=open', 'watchdog', 'reloading', 'ready'];
    // the unit expects pings, and the app sends them itself
    await using run = wrap([...options, '--watchdog', 'off', '--', ...app(...words, 'stopping', 'end', 'stays')], {
      env: { NOTIFY_SOCKET: receiver.path, WATCHDOG_USEC: '3600000000' },
    });
    // an app that ends at once was not ready
    await receiver.until(({ text: datagram }) => datagram === 'STOPPING=1');
    run.process.stdin?.end();
    expect(await run.closed, run.stderr.text).toEqual({ code: 0 });
    expect(run.stdout.lines.map((line) => line.split(' ')[1])).toEqual(Array(8).fill('true'));
    const all = (await said(receiver, run.pid)).map((each) => each.replace(/^(MONOTONIC_USEC)=\d+$/, '$1'));
    expect(all).toEqual([
      ...['STATUS=a b\\\\c', 'EXTEND_TIMEOUT_USEC=1500000', 'READY=1', 'STATUS=open', 'WATCHDOG=1'],
      ...['RELOADING=1', 'MONOTONIC_USEC', 'READY=1', 'STOPPING=1'],
    ]);
  });

  test('passes on the last notification of an app that exits at once', async () => {
    await using receiver = await NotifyReceiver.start();
    await using run = wrap([...options, '--', ...app('status=bye', 'exit=3')], {
      env: { NOTIFY_SOCKET: receiver.path },
    });
    expect(await run.closed).toEqual({ code: 3 });
    expect(await said(receiver, run.pid)).toEqual(['STATUS=bye']);
  });

  test('hears a worker thread and a child only if they have a channel of their own', async () => {
    await using receiver = await NotifyReceiver.start();
    await using run = wrap([...options, '--', ...app('ready', 'worker', 'status=thread', 'child', 'status=child')], {
      env: { NOTIFY_SOCKET: receiver.path },
    });
    await run.until('stdout', /status .*\nstatus .*/s);
    const alone = ipc && !options.includes('--notify');
    expect(run.stdout.lines.filter((line) => line.startsWith('status'))).toEqual(Array(2).fill(`status ${!alone}`));
    expect(run.stdout.text).not.toContain('got');
    await receiver.untilReady();
    const heard = alone ? [] : ['STATUS=child', 'STATUS=thread'];
    for (const each of heard) await receiver.until(({ text: datagram }) => datagram === each);
    expect((await said(receiver, run.pid)).slice(1).sort()).toEqual(heard);
  });
});

test('a stopped wrapper does not block the app', async () => {
  await using run = wrap(['--notify', '--', ...app('ready', 'stays')]);
  await run.until('stdout', 'ready true');
  await using second = wrap(['--notify', '--', 'sh', '-c', 'read -r go; exec "$@"', 'sh', ...app('flood=5000')]);
  await second.child();
  await second.freeze();
  second.tell('go');
  await second.until('stdout', 'flood true');
});

describe('without a listener', () => {
  const ALL = ['ready', 'status=x', 'stopping', 'reloading', 'extendTimeout=1', 'watchdog'];
  const nothing = ALL.map((word) => `${word.split('=')[0]} false\n`).join('');

  test.each([
    ['outside of systemd', {}],
    ["systemd's own socket alone", { NOTIFY_SOCKET: '/run/systemd/notify' }],
    ['an abstract one', { NOTIFY_SOCKET: '@notify' }],
  ])('%s', async (_, env) => {
    const [command = '', ...words] = app(...ALL, 'end');
    const alone = spawn(command, words, { env, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    const messages: unknown[] = [];
    alone.on('message', (message) => messages.push(message));
    expect(await text(alone.stdout as NodeJS.ReadableStream)).toBe(nothing);
    expect(messages).toEqual([]);
  });

  test('under the wrapper with another probe', async () => {
    await using run = wrap(['--delay', '1ms', '--', ...app(...ALL)]);
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.text).toBe(nothing);
  });
});

test('with OpenFile= and no wrapper, the main process notifies systemd itself', async () => {
  await using receiver = await NotifyReceiver.start();
  const args = [
    OPENS,
    '/etc/passwd:other',
    `${receiver.path}:notify`,
    '--',
    ...app('ready', 'status=x', 'worker', 'status=y'),
  ];
  const { stdout, status } = spawnSync('perl', args, { encoding: 'utf8' });
  expect({ stdout, status }).toEqual({ stdout: 'ready true\nstatus true\nstatus true\n', status: 0 });
  await receiver.settled();
  expect(receiver.messages().map(({ text: datagram }) => datagram)).toEqual(['READY=1', 'STATUS=x', 'STATUS=y']);
});

test('rejects invalid values and throws nothing', async () => {
  await using receiver = await NotifyReceiver.start();
  const script = `
    import * as client from 'sd-ready-wrap/client';
    const bad = { toString() { throw new Error('no text'); } };
    const invalid = [() => client.status(Symbol()), () => client.status(bad), () => client.extendTimeout(NaN),
      () => client.extendTimeout(-1), () => client.extendTimeout(Infinity), () => client.extendTimeout('x')];
    console.log(JSON.stringify(invalid.map((call) => call())));
    client.status('long ' + 'x'.repeat(9000));
    client.ready();
    process.stdin.resume();`;
  await using run = wrap(['--notify', '--', NODE, '--input-type=module', '-e', script], {
    env: { NOTIFY_SOCKET: receiver.path },
    cwd: REPOSITORY,
  });
  await receiver.untilReady();
  run.process.stdin?.end();
  expect(await run.closed, run.stderr.text).toEqual({ code: 0 });
  expect(run.stdout.text).toBe(`${JSON.stringify(Array(6).fill(false))}\n`);
  const [long, ready] = await said(receiver, run.pid);
  expect(long).toMatch(/^STATUS=long x+…$/);
  expect(ready).toBe('READY=1');
});

describe('the published package', () => {
  const NAMES = {
    client: ['extendTimeout', 'ready', 'reloading', 'status', 'stopping', 'watchdog'],
    'sd-notify': [
      ...['journalPrint', 'log', 'ready', 'sendState', 'sendStatus', 'startWatchdogMode', 'stopWatchdogMode'],
      ...['stopping', 'watchdog', 'watchdogInterval'],
    ],
  };

  test.each(Object.entries(NAMES))('require() and import of %s give the same names', (name, names) => {
    const show = 'console.log(JSON.stringify(Object.keys(it).filter((key) => key !== "default").sort()))';
    const ways = [
      ['--input-type=commonjs', `const it = require('sd-ready-wrap/${name}'); ${show}`],
      ['--input-type=module', `import * as it from 'sd-ready-wrap/${name}'; ${show}`],
    ];
    for (const [type = '', script = ''] of ways) {
      const { stdout, stderr } = spawnSync(NODE, [type, '-e', script], { cwd: REPOSITORY, encoding: 'utf8' });
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual(names);
    }
  });

  test('TypeScript finds the types with each module resolution', () => {
    using dir = tempDir();
    mkdirSync(dir.file('node_modules'));
    symlinkSync(REPOSITORY, dir.file('node_modules/sd-ready-wrap'));
    const uses = `
      import { extendTimeout, ready, status } from 'sd-ready-wrap/client';
      import notify from 'sd-ready-wrap/sd-notify';
      const told: boolean = ready() && status('x') && extendTimeout(1);
      const ms: number = notify.watchdogInterval();
      notify.startWatchdogMode(ms);
      notify.log.info('a', 1, told);
      // @ts-expect-error
      status(1);`;
    writeFileSync(dir.file('a.mts'), uses);
    writeFileSync(dir.file('b.cts'), uses);
    writeFileSync(dir.file('c.ts'), uses);
    const tsc = `${REPOSITORY}/node_modules/typescript/bin/tsc`;
    const common = ['--ignoreConfig', '--noEmit', '--strict', '--esModuleInterop', '--target', 'es2022', '--types', ''];
    for (const [module, resolution, ...files] of [
      ['node16', 'node16', 'a.mts', 'b.cts'],
      ['esnext', 'bundler', 'c.ts'],
    ] as const) {
      const args = [tsc, ...common, '--module', module, '--moduleResolution', resolution, ...files];
      const { stdout, status } = spawnSync(NODE, args, { cwd: dir.path, encoding: 'utf8' });
      expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
    }
  });
});
