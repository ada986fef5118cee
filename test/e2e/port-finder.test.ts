/**
 * Port finders (get-port and others) listen, close, and let the app listen there later: a port that is open only for a
 * moment does not count.
 */
import { describe, expect, test } from 'vitest';
import { busy, firstCore } from '../helpers/busy-core.ts';
import { freePort } from '../helpers/free-port.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { wrap } from '../helpers/wrap.ts';

/** Opens a port TIMES times for 2 ms each, prints `closed`, and listens after a line on stdin. */
const FINDS =
  'use Socket; $| = 1; my ($times, $port) = @ARGV; ' +
  'sub open_it { socket my $s, PF_INET, SOCK_STREAM, 0; setsockopt $s, SOL_SOCKET, SO_REUSEADDR, 1; ' +
  'bind $s, pack_sockaddr_in($_[0], INADDR_LOOPBACK) or die; listen $s, 1; $s } ' +
  'for (1 .. $times) { my $s = open_it(0); select undef, undef, undef, 0.002; close $s; ' +
  'select undef, undef, undef, 0.03 + rand 0.01 } ' +
  'print "closed\n"; <STDIN>; my $s = open_it($port); print "listening\n"; sleep 1000';

/** Runs a port finder under the wrapper: not ready after its short-lived ports, ready when it stays on one. */
async function expectReadyOnlyAtTheEnd(options: readonly string[], times: number, under: readonly string[] = []) {
  await using receiver = await NotifyReceiver.start();
  const command = [...under, 'perl', '-e', FINDS, `${times}`, `${await freePort()}`];
  await using run = wrap([...options, '--', ...command], { env: { NOTIFY_SOCKET: receiver.path } });
  await run.until('stdout', 'closed');
  await run.settled();
  await receiver.settled();
  expect(receiver.assignments()).not.toContain('READY=1');
  run.tell('listen');
  await receiver.untilReady();
  await run.until('stdout', 'listening');
}

describe.each([
  ['auto', []],
  ['--listen any', ['--listen', 'any']],
])('%s', (_, options) => {
  test.each([1, 2, 3, 4])('ignores 50 ports that were open for a moment, and accepts the one that stays (%i)', () =>
    expectReadyOnlyAtTheEnd(options, 50),
  );

  test('ignores a port that stays open only because the app waits for a core', async () => {
    const core = firstCore();
    using _ = busy(core);
    await expectReadyOnlyAtTheEnd(options, 20, ['taskset', '-c', core, 'nice', '-n', '19']);
  });

  test('does not make the app ready if the port closes for good', async () => {
    await using receiver = await NotifyReceiver.start();
    const command = ['perl', '-e', `${FINDS.split('print')[0]}exec "sleep", 1000`, '5'];
    await using run = wrap(['--timeout', '1s', ...options, '--', ...command], {
      env: { NOTIFY_SOCKET: receiver.path },
    });
    const ready = receiver.untilReady().then(
      () => 'ready',
      () => 'never ready',
    );
    expect(await Promise.race([run.closed, ready])).toEqual({ code: 124 });
  });
});
