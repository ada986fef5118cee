/** What systemd is told, and what happens when it cannot be. */
import { expect, test } from 'vitest';
import { receiveNotifications } from './support/notify-receiver.ts';
import { until } from './support/until.ts';
import { node, start, wrap } from './support/wrap.ts';

test('a text while waiting, READY=1 with a text, one state word a datagram', async () => {
  await using receiver = await receiveNotifications();
  await using run = wrap(['--stdout', '^running', '--', ...node('exits-with', '3', 'told')], {
    NOTIFY_SOCKET: receiver.path,
  });
  await until('READY=1', () => receiver.ready().length > 0);
  run.child.stdin.write('go\n');
  expect((await run.exit).code).toBe(3);
  await until('the last word', () => receiver.datagrams.at(-1) === 'STATUS=the app exited with code 3');
  expect(receiver.datagrams[0]).toMatch(/^STATUS=Starting: waiting for /);
  expect(receiver.ready()[0]).toMatch(/^READY=1\nSTATUS=App \(pid \d+\) ready after .+: stdout \/\^running\/$/);
  for (const datagram of receiver.datagrams) {
    expect(datagram.match(/^(READY|RELOADING|STOPPING)=/gm)?.length ?? 0).toBeLessThanOrEqual(1);
  }
});

test('a full queue is tried again until READY=1 is through, once', async () => {
  await using receiver = await receiveNotifications();
  await receiver.pause();
  // fill the queue from elsewhere: net.unix.max_dgram_qlen and the buffer are finite
  await using filler = start('perl', ['-e', FILL, receiver.path]);
  await filler.exit;
  expect(filler.stdout().toString()).toMatch(/^filled with \d+$/);
  await using run = wrap(['--stdout', '^running', '--', ...node('exits-with', '0', 'told')], {
    NOTIFY_SOCKET: receiver.path,
  });
  await run.shows('ready after');
  expect(receiver.ready()).toHaveLength(0);
  await receiver.resume();
  await until('READY=1', () => receiver.ready().length > 0);
  run.child.stdin.write('go\n');
  await run.exit;
  expect(receiver.ready()).toHaveLength(1);
});

const FILL = `use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0); my $n = 0;
  $n++ while defined send(S, "X_FILL=1", 0x40, sockaddr_un($ARGV[0])); print "filled with $n"`;

test('without NOTIFY_SOCKET everything else is the same', async () => {
  await using run = wrap(['--stdout', '^running', '--', ...node('exits-with', '3', 'told')]);
  await run.shows('ready after');
  run.child.stdin.write('go\n');
  expect((await run.exit).code).toBe(3);
  expect(run.log().map((line) => line['event'])).toEqual(['started', 'ready', 'exited']);
});

test('in a unit that is not Type=notify: one warning', async () => {
  await using run = wrap(['--stdout', 'x', '--', 'true'], { INVOCATION_ID: '0123456789abcdef0123456789abcdef' });
  expect((await run.exit).code).toBe(0);
  const warnings = run.log().filter((line) => line['level'] === 40);
  expect(warnings.map((line) => line['msg'])).toEqual([expect.stringContaining('Type=notify')]);
});

test('an abstract socket, by koffi', async () => {
  const name = `sd-ready-wrap-test-${process.pid}`;
  await using receiver = start('perl', ['-e', RECEIVE_ABSTRACT, name]);
  await receiver.shows('bound');
  await using run = wrap(['--stdout', '^running', '--', ...node('exits-with', '0', 'told')], {
    NOTIFY_SOCKET: `@${name}`,
  });
  await receiver.shows('READY=1');
  run.child.stdin.write('go\n');
  await run.exit;
});

const RECEIVE_ABSTRACT = `use Socket; $| = 1; socket(S, AF_UNIX, SOCK_DGRAM, 0);
  bind(S, pack('S a*', AF_UNIX, "\\0$ARGV[0]")) or die $!; print "bound\\n";
  print "$b\\n" while defined recv(S, $b, 9000, 0)`;

test.each([
  ['foo', 'neither a path nor @name'],
  ['vsock:2:1234', 'virtual machine'],
  [`/tmp/${'x'.repeat(110)}`, 'longer than 107 bytes'],
  ['/nonexistent/notify', 'nobody to notify there (ENOENT)'],
])('NOTIFY_SOCKET=%s cannot be used: 125, and the app is not started', async (socket, words) => {
  await using run = wrap(['--stdout', 'x', '--', 'echo', 'started'], { NOTIFY_SOCKET: socket });
  expect(await run.exit).toEqual({ code: 125, signal: null });
  expect(run.stderr().split('\n')).toHaveLength(2);
  expect(run.stderr()).toContain(words);
  expect(run.stdout().toString()).toBe('');
});
