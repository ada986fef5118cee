/**
 * Promise: with OpenFile=/run/systemd/notify:notify in the unit no addon is needed, and the app does not see that one.
 */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { NODE, sh } from '../helpers/apps.ts';
import { install } from '../helpers/install.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { testAsRoot } from '../helpers/root.ts';
import { tempDir } from '../helpers/temp.ts';
import { TRANSPORT } from '../helpers/transport.ts';
import { Run, wrap } from '../helpers/wrap.ts';

const OPENS = fileURLToPath(new URL('../fixtures/opens-files.pl', import.meta.url));
const SHOWS = sh(
  'for fd in 3 4 5 6; do echo "$fd $(readlink /proc/self/fd/$fd)"; done; ' +
    'own=no; [ "$LISTEN_PID" = $$ ] && own=yes; echo "$LISTEN_FDS $LISTEN_FDNAMES $own"; read -r line',
);

/** As a child, with the pid that LISTEN_PID= has to name. */
const STAYS_BEHIND = `unshare --net sh -c 'LISTEN_PID=$$ exec "$@"' sh "$@"; exit $?`;

const opening = (...files: string[]) => ['perl', OPENS, ...files, '--'];

describe('a connected notify socket by the name of notify', () => {
  test.each([
    ['alone', [], '3 \n4 \n5 \n6 \n  no\n'],
    ['first', ['+/etc/passwd:a', '+/etc/group:b'], '3 /etc/passwd\n4 /etc/group\n5 \n6 \n2 a:b yes\n'],
    ['between', ['/etc/passwd:a', '+/etc/group:b'], '3 /etc/passwd\n4 /etc/group\n5 \n6 \n2 a:b yes\n'],
    ['last', ['/etc/passwd:a', '/etc/group:b'], '3 /etc/passwd\n4 /etc/group\n5 \n6 \n2 a:b yes\n'],
  ])('%s: carries READY=1, and the app has the others, numbered anew', async (_, files, shown) => {
    await using receiver = await NotifyReceiver.start();
    const own = `${receiver.path}:notify`;
    const before = files.filter((file) => !file.startsWith('+'));
    const behind = files.filter((file) => file.startsWith('+')).map((file) => file.slice(1));
    await using run = wrap(['--log-level', 'debug', '--delay', '1ms', '--', ...SHOWS], {
      env: { NOTIFY_SOCKET: receiver.path },
      under: opening(...before, own, ...behind),
    });
    await receiver.untilReady();
    expect((await run.logged('transport')).msg).toBe('notify socket: sending with OpenFile=');
    await run.until('stdout', /yes|no/);
    run.tell('');
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.text).toBe(shown);
  });

  // PrivateNetwork=: systemd opens it, and we are in another network namespace
  testAsRoot('of another network namespace: carries READY=1 too', async () => {
    await using receiver = await NotifyReceiver.start();
    await using run = wrap(['--log-level', 'debug', '--delay', '1ms', '--', ...SHOWS], {
      env: { NOTIFY_SOCKET: receiver.path },
      // the shell stays where it is, as systemd does
      under: [...opening(`${receiver.path}:notify`), ...sh(STAYS_BEHIND)],
    });
    await receiver.untilReady();
    expect((await run.logged('transport')).msg).toBe('notify socket: sending with OpenFile=');
    await run.until('stdout', /yes|no/);
    run.tell('');
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.text).toBe('3 \n4 \n5 \n6 \n  no\n');
  });

  test('needs no addon', async () => {
    using bare = install();
    await using receiver = await NotifyReceiver.start();
    const [command = '', ...words] = opening(`${receiver.path}:notify`);
    const args = [...words, NODE, bare.bin, '--delay', '1ms', '--', ...sh('read -r line')];
    await using run = new Run(command, args, { env: { NOTIFY_SOCKET: receiver.path } });
    await receiver.untilReady();
    run.tell('');
    expect(await run.closed).toEqual({ code: 0 });
  });

  test('each state is a datagram of its own, in order', async () => {
    await using receiver = await NotifyReceiver.start();
    await using run = wrap(['--delay', '1ms', '--', ...sh('read -r line; exit 3')], {
      env: { NOTIFY_SOCKET: receiver.path },
      under: opening(`${receiver.path}:notify`),
    });
    await receiver.untilReady();
    run.tell('');
    expect(await run.closed).toEqual({ code: 3 });
    expect(receiver.messages().map(({ text }) => text.split('=')[0])).toEqual(['STATUS', 'STATUS', 'READY', 'STATUS']);
  });
});

describe('what has that name and is none', () => {
  test.each([
    ['a file', '/etc/passwd:notify'],
    ['nothing of that name', '/etc/passwd:other'],
  ])("%s: is the app's, and READY=1 goes another way", async (_, file) => {
    await using receiver = await NotifyReceiver.start();
    await using run = wrap(['--log-level', 'debug', '--delay', '1ms', '--', ...SHOWS], {
      env: { NOTIFY_SOCKET: receiver.path },
      under: opening(file),
    });
    await receiver.untilReady();
    expect((await run.logged('transport')).msg).toBe(`notify socket: sending with ${TRANSPORT}`);
    await run.until('stdout', 'yes');
    expect(run.stdout.text).toContain(`3 /etc/passwd\n4 \n5 \n6 \n1 ${file.split(':')[1]} yes\n`);
    run.tell('');
    expect(await run.closed).toEqual({ code: 0 });
  });

  test("a stream socket: is the app's, and READY=1 goes another way", async () => {
    using dir = tempDir();
    const server = createServer().listen(dir.file('stream'));
    await once(server, 'listening');
    await using receiver = await NotifyReceiver.start();
    await using run = wrap(['--log-level', 'debug', '--delay', '1ms', '--', ...SHOWS], {
      env: { NOTIFY_SOCKET: receiver.path },
      under: opening(`${dir.file('stream')}:notify`),
    });
    await receiver.untilReady();
    expect((await run.logged('transport')).msg).toBe(`notify socket: sending with ${TRANSPORT}`);
    await run.until('stdout', '1 notify yes');
    run.tell('');
    expect(await run.closed).toEqual({ code: 0 });
    server.close();
  });

  test("a datagram socket of socket activation: is the app's, and READY=1 goes another way", async () => {
    using dir = tempDir();
    const binds =
      'use Socket; $^F = 9; socket S, PF_UNIX, SOCK_DGRAM, 0; bind S, pack_sockaddr_un(shift) or die $!; ' +
      'fileno(S) == 3 or die; ' +
      '@ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} = ($$, 1, "notify"); exec @ARGV';
    await using receiver = await NotifyReceiver.start();
    await using run = wrap(['--log-level', 'debug', '--delay', '1ms', '--', ...SHOWS], {
      env: { NOTIFY_SOCKET: receiver.path },
      under: ['perl', '-e', binds, dir.file('bound')],
    });
    await receiver.untilReady();
    expect((await run.logged('transport')).msg).toBe(`notify socket: sending with ${TRANSPORT}`);
    await run.until('stdout', '1 notify yes');
    expect(run.stdout.text).toMatch(/^3 socket:/);
    run.tell('');
    expect(await run.closed).toEqual({ code: 0 });
  });

  test('of another process: is no business of ours', async () => {
    await using receiver = await NotifyReceiver.start();
    const under = [...opening(`${receiver.path}:notify`), ...sh('LISTEN_PID=1; "$@"; exit $?')];
    await using run = wrap(['--log-level', 'debug', '--delay', '1ms', '--', ...sh('read -r line')], {
      env: { NOTIFY_SOCKET: receiver.path },
      under,
    });
    await receiver.untilReady();
    expect((await run.logged('transport')).msg).toBe(`notify socket: sending with ${TRANSPORT}`);
    run.tell('');
    expect(await run.closed).toEqual({ code: 0 });
  });
});

test('where nobody listens any more behind it, the next way is taken', async () => {
  await using gone = await NotifyReceiver.start();
  await using receiver = await NotifyReceiver.start();
  const under = [...opening(`${gone.path}:notify`), ...sh('echo opened; read -r line; exec "$@"')];
  await using run = wrap(['--log-level', 'debug', '--delay', '1ms', '--', ...sh('read -r line')], {
    env: { NOTIFY_SOCKET: receiver.path },
    under,
  });
  await run.until('stdout', 'opened');
  await gone[Symbol.asyncDispose]();
  run.tell('');
  await receiver.untilReady();
  expect((await run.logged('transport')).msg).toBe(`notify socket: sending with ${TRANSPORT}`);
  run.tell('');
  expect(await run.closed).toEqual({ code: 0 });
});
