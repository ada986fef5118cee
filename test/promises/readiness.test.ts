/** READY=1 when the app is ready, and not before: told by a receiver that is not our own code. */
import { describe, expect, test } from 'vitest';
import { type NotifyReceiver, receiveNotifications } from './support/notify-receiver.ts';
import { until } from './support/until.ts';
import { freePort, node, type Run, wrap } from './support/wrap.ts';

/** What the app is told, and whether it is ready after it. */
type Step = readonly [order: string, ready: boolean];

async function play(receiver: NotifyReceiver, args: readonly string[], steps: readonly Step[]): Promise<Run> {
  const run = wrap([...args, '--', ...node('does-as-told')], { NOTIFY_SOCKET: receiver.path });
  await run.appPid();
  for (const [order, ready] of steps) {
    expect(receiver.ready(), `before ${order}`).toHaveLength(0);
    run.child.stdin.write(`${order}\n`);
    if (ready) await until(`READY=1 after ${order}`, () => receiver.ready().length > 0);
  }
  return run;
}

const text = (words: string) => JSON.stringify(Buffer.from(words).toString('latin1'));
const out = (words: string) => `out ${text(words)}`;
const bytes = (...values: number[]) => `out ${JSON.stringify(Buffer.from(values).toString('latin1'))}`;

describe('tcp', () => {
  test.each([
    ['PORT', '127.0.0.1', (port: number) => `${port}`],
    ['PORT', '::1', (port: number) => `${port}`],
    ['PORT', '0.0.0.0', (port: number) => `${port}`],
    ['PORT', '::', (port: number) => `${port}`],
    ['127.0.0.1:PORT', '127.0.0.1', (port: number) => `127.0.0.1:${port}`],
    ['[::1]:PORT', '::1', (port: number) => `[::1]:${port}`],
    ['localhost:PORT', 'localhost', (port: number) => `localhost:${port}`],
  ])('--tcp %s and an app that listens on %s', async (_, host, option) => {
    const port = await freePort();
    await using receiver = await receiveNotifications();
    await using run = await play(
      receiver,
      ['--tcp', option(port)],
      [
        [out('not yet\n'), false],
        [`listen ${host} ${port}`, true],
      ],
    );
    await run.shows('ready after');
    expect(run.log().find((line) => line['event'] === 'ready')?.['by']).toMatch(`:${port}`);
  });
});

describe('a log line', () => {
  test.each<[string, string[], Step[]]>([
    [
      'in one write',
      ['--stdout', 'listening on \\d+'],
      [
        [out('listening on x\n'), false],
        [out('listening on 3\n'), true],
      ],
    ],
    [
      'in two writes',
      ['--stdout', 'listening on'],
      [
        [out('listen'), false],
        [out('ing on'), true],
      ],
    ],
    ['without an end', ['--stdout', 'prompt>'], [[out('prompt> '), true]]],
    ['without an end, to its end so far', ['--stdout', '^prompt> $'], [[out('prompt> '), true]]],
    [
      'anchored by line',
      ['--stdout', '^ready$'],
      [
        [out('not ready\nready not\n'), false],
        [out('x\nready\r\n'), true],
      ],
    ],
    ['under colours', ['--stdout', '^ready$'], [[out('\u001b[32mre\u001b[1mady\u001b[0m\n'), true]]],
    [
      'cut inside a character',
      ['--stdout', '✓ 起動'],
      [
        [bytes(0xe2, 0x9c), false],
        [bytes(0x93), false],
        [out(' 起動'), true],
      ],
    ],
    [
      'on stderr',
      ['--stderr', 'up'],
      [
        [out('up\n'), false],
        [`err ${text('up\n')}`, true],
      ],
    ],
    ['on either, stdout', ['--output', 'up'], [[out('up\n'), true]]],
    ['on either, stderr', ['--output', 'up'], [[`err ${text('up\n')}`, true]]],
    [
      'after a megabyte without an end',
      ['--stdout', 'ready'],
      [
        [out(`${'x'.repeat(1e6)}`), false],
        [out('ready'), true],
      ],
    ],
  ])('%s', async (_, args, steps) => {
    await using receiver = await receiveNotifications();
    await using run = await play(receiver, args, steps);
    expect(run.stderr()).not.toMatch(/bug|warn/);
  });

  test('a regex that would run for ever stops neither the output nor the signals', async () => {
    await using receiver = await receiveNotifications();
    const line = `${'a'.repeat(40)}!\n`;
    await using run = await play(receiver, ['--stdout', '^(a+)+$|ready'], [[out(line), false]]);
    await run.shows('passed on unscanned');
    run.child.stdin.write(`${out('ready\n')}\n`);
    await until('READY=1', () => receiver.ready().length > 0);
    expect(run.stdout().toString()).toBe(`${line}ready\n`);
  });
});

describe('ipc', () => {
  test.each<[string, string[], Step[]]>([
    [
      'the word',
      ['--ipc'],
      [
        ['send "other"', false],
        ['send "ready"', true],
      ],
    ],
    [
      'an object of that type',
      ['--ipc'],
      [
        ['send {"ready":true}', false],
        ['send {"type":"ready"}', true],
      ],
    ],
    [
      'another word',
      ['--ipc-message', 'online'],
      [
        ['send "ready"', false],
        ['send "online"', true],
      ],
    ],
    [
      'after garbage',
      ['--ipc'],
      [
        ['raw {this is no message', false],
        ['send "ready"', true],
      ],
    ],
  ])('%s', async (_, args, steps) => {
    await using receiver = await receiveNotifications();
    await using run = await play(receiver, args, steps);
    expect(run.stderr()).not.toMatch('bug');
  });
});

describe('several', () => {
  test('all of them, in any order', async () => {
    const port = await freePort();
    await using receiver = await receiveNotifications();
    await using _run = await play(
      receiver,
      ['--tcp', String(port), '--ipc', '--stdout', 'up'],
      [
        ['send "ready"', false],
        [out('up\n'), false],
        [`listen 127.0.0.1 ${port}`, true],
      ],
    );
  });

  test('any of them', async () => {
    const port = await freePort();
    await using receiver = await receiveNotifications();
    const args = ['--ready-when', 'any', '--tcp', String(port), '--stdout', 'up'];
    await using run = await play(receiver, args, [
      [out('down\n'), false],
      [out('up\n'), true],
    ]);
    await run.shows('ready after');
    expect(run.log().find((line) => line['event'] === 'ready')?.['by']).toBe('stdout /up/');
  });
});

describe('never', () => {
  test('for an app that gives the sign and is dead', async () => {
    await using receiver = await receiveNotifications();
    for (let round = 0; round < 20; round++) {
      await using run = wrap(['--stdout', 'ready', '--', 'sh', '-c', 'printf "ready\\n"; exit 7'], {
        NOTIFY_SOCKET: receiver.path,
      });
      expect((await run.exit).code).toBe(7);
      const ready = run.log().some((line) => line['event'] === 'ready');
      // it may have lived when it was asked; then READY=1 came before the death, and is said in the log
      expect(receiver.ready().length > 0).toBe(ready);
      if (ready) break;
    }
  });

  test('twice', async () => {
    await using receiver = await receiveNotifications();
    await using run = await play(receiver, ['--stdout', 'up'], [[out('up\n'), true]]);
    run.child.stdin.write(`${out('up\n')}\nexit 0\n`);
    await run.exit;
    expect(receiver.ready()).toHaveLength(1);
  });
});
