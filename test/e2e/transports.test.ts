/** Promise: the notify socket is served by the first transport that works, and one that is broken is passed over. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { app, NODE, sh } from '../helpers/apps.ts';
import { type Addon, type Installation, install } from '../helpers/install.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { tempDir } from '../helpers/temp.ts';
import { ADDON, NODE_WITH_FFI, TRANSPORT, WAYS, WITHOUT_FFI } from '../helpers/transport.ts';
import { describeWhere } from '../helpers/untried.ts';
import { BIN, Run, wrap } from '../helpers/wrap.ts';

const OPTIONS = ['--log-level', 'debug', '--delay', '1ms', '--', ...sh('read -r line; exit 3')];
const OTHER: Readonly<Record<Addon, Addon>> = { 'unix-dgram': 'koffi', koffi: 'unix-dgram' };

/** What an addon may be that is there and no good. */
const BROKEN: [string, string][] = [
  ['throws as it is loaded', "throw new Error('built for another ABI\\nmore')"],
  ['throws what is no error', 'throw null'],
  ['exports nothing', ''],
  ['exports null', 'module.exports = null'],
  ['exports something else', 'module.exports = { createSocket: () => ({}), load: () => ({}) }'],
  [
    'does nothing',
    `const nothing = () => {};
     const socket = { send: nothing, bind: nothing, on: nothing, close: nothing };
     module.exports = { createSocket: () => socket, load: () => ({ func: () => nothing }), errno: nothing }`,
  ],
  [
    'fails in an odd way',
    `const socket = { send: (...words) => words.pop()({ code: 'odd' }), bind() {}, on() {}, close() {} };
     module.exports = { createSocket: () => socket, load: () => ({ func: () => () => -1 }), errno: () => -1 }`,
  ],
];

/** In the place of the addon: a package whose only file is this, or a shared library that is none. */
function breakAddon({ bin }: Installation, addon: Addon, code: string): void {
  const place = join(dirname(bin), '../node_modules', addon);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'package.json'), JSON.stringify({ name: addon, main: 'index.js' }));
  writeFileSync(join(place, 'index.js'), code);
}

async function expectReady(run: Run, receiver: NotifyReceiver, transport: string): Promise<void> {
  await receiver.untilReady();
  expect((await run.logged('transport')).msg).toBe(`notify socket: sending with ${transport}`);
  run.tell('');
  expect(await run.closed).toEqual({ code: 3 });
}

for (const addon of ['unix-dgram', 'koffi'] as const) {
  // unix-dgram is compiled for one release of Node
  const canReplace = OTHER[addon] === 'koffi' || ADDON === 'unix-dgram';
  describeWhere(canReplace, 'unix-dgram is not compiled for this Node', addon, () => {
    test.each(BROKEN)('that %s is passed over', async (_, code) => {
      using installation = install(OTHER[addon]);
      breakAddon(installation, addon, code);
      await using receiver = await NotifyReceiver.start();
      const env = { NOTIFY_SOCKET: receiver.path };
      await using run = new Run(NODE, [...WITHOUT_FFI, installation.bin, ...OPTIONS], { env });
      await expectReady(run, receiver, OTHER[addon]);
      await using own = await NotifyReceiver.start();
      const app = sh('systemd-notify --ready; read -r line; exit 3');
      const args = [...WITHOUT_FFI, installation.bin, '--notify', '--log-level', 'debug', '--', ...app];
      await using notified = new Run(NODE, args, { env: { NOTIFY_SOCKET: own.path } });
      await expectReady(notified, own, OTHER[addon]);
      expect((await notified.logged('app-notify')).msg).toBe(`the app's notify socket: receiving with ${OTHER[addon]}`);
    });
  });
}

test('both broken: one line with the ways out, 125, and no app', async () => {
  using dir = tempDir();
  using installation = install();
  for (const addon of ['unix-dgram', 'koffi'] as const) breakAddon(installation, addon, 'throw new Error("no\\ngood")');
  await using receiver = await NotifyReceiver.start();
  const args = [...WITHOUT_FFI, installation.bin, '--delay', '1ms', '--', 'touch', dir.file('started')];
  await using run = new Run(NODE, args, { env: { NOTIFY_SOCKET: receiver.path } });
  expect(await run.closed).toEqual({ code: 125 });
  expect(run.stderr.lines).toEqual([
    expect.stringMatching(/unix-dgram: no; koffi: no.*npm install koffi.*npm rebuild unix-dgram.*OpenFile=/),
  ]);
  expect(existsSync(dir.file('started'))).toBe(false);
});

test('both broken, though one is there ready built: the same, and the app is killed as it boots', async () => {
  using installation = install('koffi');
  for (const addon of ['unix-dgram', 'koffi'] as const) breakAddon(installation, addon, 'throw new Error("no\\ngood")');
  await using receiver = await NotifyReceiver.start();
  const args = [...WITHOUT_FFI, installation.bin, '--delay', '1ms', '--', ...app('ignores-sigterm')];
  await using run = new Run(NODE, args, { env: { NOTIFY_SOCKET: receiver.path } });
  expect(await run.closed).toEqual({ code: 125 });
  expect(run.stderr.lines).toEqual([expect.stringMatching(/unix-dgram: no; koffi: no.*npm install koffi/)]);
  expect(run.pids()).toEqual([]);
});

test('all good: the first', async () => {
  await using receiver = await NotifyReceiver.start();
  await using run = wrap(OPTIONS, { env: { NOTIFY_SOCKET: receiver.path } });
  await expectReady(run, receiver, TRANSPORT);
});

describe.each(WAYS)('%s', (way, [node = '', ...flags], addons) => {
  const start = (installation: Installation, { path }: NotifyReceiver) =>
    new Run(node, [...flags, installation.bin, ...OPTIONS], { env: { NOTIFY_SOCKET: path } });

  const names = [`@sd-ready-wrap-${process.pid}-${way}`, `@sd-ready-wrap-${process.pid}-`.padEnd(107, 'x')];
  test.each(way === 'unix-dgram' ? [] : names)('sends to an abstract name, %#', async (name) => {
    using installation = install(...addons);
    await using receiver = await NotifyReceiver.start(name);
    await using run = start(installation, receiver);
    await expectReady(run, receiver, way);
  });

  test('sends to a path as long as one can be', async () => {
    using dir = tempDir();
    using installation = install(...addons);
    await using receiver = await NotifyReceiver.start(`${dir.path}/${'x'.repeat(106 - dir.path.length)}`);
    await using run = start(installation, receiver);
    await expectReady(run, receiver, way);
  });

  test('tries again while the queue is full', async () => {
    using installation = install(...addons);
    await using receiver = await NotifyReceiver.start();
    await receiver.pause();
    await receiver.fill();
    await using run = start(installation, receiver);
    await run.logged('ready');
    await receiver.resume();
    await expectReady(run, receiver, way);
    expect(run.stderr.text).not.toContain('cannot notify systemd yet');
  });
});

describeWhere(NODE_WITH_FFI !== undefined, 'Node 26 is not installed', 'node:ffi', () => {
  const node = NODE_WITH_FFI as string;
  // unix-dgram is compiled for the Node that runs this
  const next = node === NODE ? ADDON : 'koffi';

  test('is taken before the addons, and Node does not warn that it is experimental', async () => {
    await using receiver = await NotifyReceiver.start();
    const app = sh('systemd-notify --ready; read -r line; exit 3');
    const args = [BIN, '--notify', '--log-level', 'debug', '--', ...app];
    await using run = new Run(node, args, { env: { NOTIFY_SOCKET: receiver.path } });
    await expectReady(run, receiver, 'node:ffi');
    expect((await run.logged('app-notify')).msg).toBe("the app's notify socket: receiving with node:ffi");
    expect(run.stderr.text).not.toMatch(/warning/i);
    expect(run.log).toHaveLength(run.stderr.lines.length);
  });

  test.each([
    ['that is switched off', ['--no-experimental-ffi']],
    ["that Node's permission model forbids", ['--permission', '--allow-fs-read=*', '--allow-fs-write=*']],
  ])('%s is passed over', async (_, flags) => {
    await using receiver = await NotifyReceiver.start();
    const allowed = flags.includes('--permission') ? ['--allow-child-process', '--allow-addons'] : [];
    const args = [...flags, ...allowed, BIN, ...OPTIONS];
    await using run = new Run(node, args, { env: { NOTIFY_SOCKET: receiver.path } });
    await expectReady(run, receiver, next);
  });
});
