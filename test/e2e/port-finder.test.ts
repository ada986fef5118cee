/**
 * Port finders (get-port and others) listen, close, and let the app listen there later: a port that is open for a
 * moment is no sign.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { wrap } from '../helpers/wrap.ts';

/** Opens a port TIMES times for 2 ms each, then says `closed`, and listens at last when it is told. */
const FINDS =
  'use Socket; $| = 1; my ($times, $port) = @ARGV; ' +
  'sub open_it { socket my $s, PF_INET, SOCK_STREAM, 0; setsockopt $s, SOL_SOCKET, SO_REUSEADDR, 1; ' +
  'bind $s, pack_sockaddr_in($_[0], INADDR_LOOPBACK) or die; listen $s, 1; $s } ' +
  'for (1 .. $times) { my $s = open_it(0); select undef, undef, undef, 0.002; close $s; ' +
  'select undef, undef, undef, 0.03 + rand 0.01 } ' +
  'print "closed\n"; <STDIN>; my $s = open_it($port); print "listening\n"; sleep 1000';

/** @returns of the processors that we may run on */
function firstCore(): string {
  return /^Cpus_allowed_list:\t(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
}

/** Keeps a core busy until it is disposed of. */
function busy(core: string): Disposable {
  const child = spawn('taskset', ['-c', core, 'perl', '-e', '1 while 1'], { stdio: 'ignore' });
  return { [Symbol.dispose]: () => child.kill('SIGKILL') };
}

describe.each([['auto'], ['--listen any']])('%s', (options) => {
  test.each([1, 2, 3, 4])(
    'none of 50 ports that were open for a moment counts, the one that stays does (%i)',
    async () => {
      await using receiver = await NotifyReceiver.start();
      const words = options === 'auto' ? [] : options.split(' ');
      const command = ['perl', '-e', FINDS, '50', `${await freePort()}`];
      await using run = wrap([...words, '--', ...command], { env: { NOTIFY_SOCKET: receiver.path } });
      await run.until('stdout', 'closed');
      await run.settled();
      await receiver.settled();
      expect(receiver.assignments()).not.toContain('READY=1');
      run.tell('listen');
      await receiver.untilReady();
      expect(run.stdout.text).toContain('listening');
    },
  );

  test('nor does one of an app that has to wait for a core before it can close it', async () => {
    const core = firstCore();
    await using receiver = await NotifyReceiver.start();
    using _ = busy(core);
    const words = options === 'auto' ? [] : options.split(' ');
    const command = ['taskset', '-c', core, 'nice', '-n', '19', 'perl', '-e', FINDS, '20', `${await freePort()}`];
    await using run = wrap([...words, '--', ...command], { env: { NOTIFY_SOCKET: receiver.path } });
    await run.until('stdout', 'closed');
    await run.settled();
    await receiver.settled();
    expect(receiver.assignments()).not.toContain('READY=1');
    run.tell('listen');
    await receiver.untilReady();
  });

  test('one that closes for good leaves the app unready', async () => {
    await using receiver = await NotifyReceiver.start();
    const words = options === 'auto' ? [] : options.split(' ');
    const command = ['perl', '-e', `${FINDS.split('print')[0]}exec "sleep", 1000`, '5'];
    await using run = wrap(['--timeout', '1s', ...words, '--', ...command], { env: { NOTIFY_SOCKET: receiver.path } });
    const ready = receiver.untilReady().then(
      () => 'ready',
      () => 'never ready',
    );
    expect(await Promise.race([run.closed, ready])).toEqual({ code: 124 });
  });
});
