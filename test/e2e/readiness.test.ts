/** Promise: READY=1 when the app is ready, and only then. */
import { describe, expect, test } from 'vitest';
import { app, sh } from '../helpers/apps.ts';
import { freePort } from '../helpers/free-port.ts';
import { describeIpv6 } from '../helpers/ipv6.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { stateOf } from '../helpers/pids.ts';
import { until } from '../helpers/until.ts';
import { type Run, wrap } from '../helpers/wrap.ts';

const APP = ['--', ...app('does-as-told')];

/** Runs it with a receiver, and ends both after the test. */
async function withReceiver(
  args: readonly string[],
  use: (run: Run, receiver: NotifyReceiver) => Promise<void>,
): Promise<void> {
  await using receiver = await NotifyReceiver.start();
  await using run = wrap(args, { env: { NOTIFY_SOCKET: receiver.path } });
  await use(run, receiver);
}

/** Nothing so far made it ready. */
async function isNotReady(run: Run, receiver: NotifyReceiver): Promise<void> {
  await run.settled();
  await receiver.settled();
  expect(receiver.isReady(), run.stderr.text).toBe(false);
}

describe('--tcp', () => {
  // what is probed, the address of the app, the address in the log
  const answers = (ways: [string, string, string][]) =>
    test.each(ways)('--tcp %s, the app listens on %s', async (probed, listened, named) => {
      const port = await freePort();
      await withReceiver(['--tcp', probed.replace('PORT', `${port}`), ...APP], async (run, receiver) => {
        await run.until('stdout', 'started');
        await isNotReady(run, receiver);
        run.tell(`listen ${port} ${listened}`);
        await receiver.untilReady();
        expect((await run.logged('ready'))['by']).toMatch(new RegExp(`^${named.replace('PORT', `${port}`)}$`));
      });
    });
  answers([
    ['PORT', '127.0.0.1', 'tcp 127.0.0.1:PORT'],
    ['PORT', '0.0.0.0', 'tcp 127.0.0.1:PORT'],
    ['127.0.0.1:PORT', '127.0.0.1', 'tcp 127.0.0.1:PORT'],
    ['localhost:PORT', 'localhost', 'tcp (127.0.0.1|\\[::1\\]):PORT'],
  ]);
  describeIpv6('over IPv6', () => {
    answers([
      ['PORT', '::1', 'tcp \\[::1\\]:PORT'],
      ['PORT', '::', 'tcp (127.0.0.1|\\[::1\\]):PORT'],
      ['[::1]:PORT', '::1', 'tcp \\[::1\\]:PORT'],
    ]);

    test('a probe of 127.0.0.1 gets no answer from ::1', async () => {
      const port = await freePort();
      await withReceiver(['--tcp', `127.0.0.1:${port}`, ...APP], async (run, receiver) => {
        run.tell(`listen ${port} ::1`);
        await run.until('stdout', 'listening');
        await receiver.until(({ text }) => text.includes('ECONNREFUSED'));
        expect(receiver.isReady()).toBe(false);
      });
    });
  });

  test('not before it listens, whatever it prints; meanwhile STATUS= has the reason', async () => {
    const port = await freePort();
    await withReceiver(['--tcp', `${port}`, ...APP], async (run, receiver) => {
      run.tell('say ready');
      // after many attempts
      await receiver.until(({ text }) => text.includes(`tcp 127.0.0.1:${port}: ECONNREFUSED`));
      expect(receiver.isReady()).toBe(false);
      run.tell(`listen ${port} 127.0.0.1`);
      await receiver.untilReady();
    });
  });

  test('--initial-delay delays the first attempt', async () => {
    const port = await freePort();
    await withReceiver(['--tcp', `${port}`, '--initial-delay', '400ms', ...APP], async (run, receiver) => {
      run.tell(`listen ${port} 127.0.0.1`);
      await receiver.untilReady();
      expect((await run.logged('ready'))['after_ms']).toBeGreaterThanOrEqual(400);
    });
  });
});

/** The options, each with the streams it watches. */
const LOG_PROBES = [
  ['--stdout', ['say'], ['complain']],
  ['--stderr', ['complain'], ['say']],
  ['--output', ['say', 'complain'], []],
] as const;

describe.each(LOG_PROBES)('%s', (option, watched, others) => {
  test.each(watched)('a matching line by "%s" makes it ready', async (order) => {
    await withReceiver([option, '^listening on \\d+$', ...APP], async (run, receiver) => {
      run.tell(`${order} now listening on 3000`);
      run.tell(`${order} listening on port`);
      run.tell('say seen');
      await run.until('stdout', 'seen');
      await isNotReady(run, receiver);
      run.tell(`${order} listening on 3000`);
      await receiver.untilReady();
    });
  });

  test.each([...others])('a line by "%s" does not', async (order) => {
    await withReceiver([option, 'listening', ...APP], async (run, receiver) => {
      run.tell(`${order} listening`);
      await run.until(order === 'say' ? 'stdout' : 'stderr', 'listening\n');
      await isNotReady(run, receiver);
    });
  });
});

describe('lines', () => {
  const text = (...pieces: string[]) => pieces.map((piece) => Buffer.from(piece));
  const wave = Buffer.from('\u{1f30a} up\n');
  // the regex, the pieces as written, and whether the last one makes it ready
  const table: [string, string, Buffer[]][] = [
    ['split over two writes', '^server is up$', text('server ', 'is up\n')],
    ['split in a character', '^\u{1f30a} up$', [wave.subarray(0, 2), wave.subarray(2)]],
    ['in colours', '^server is up$', text('\u001b[1m\u001b[32mserver\u001b[0m is up\n')],
    ['in colours, split in the escape', '^server is up$', text('\u001b[3', '2mserver\u001b[0m is up\n')],
    ['not ended', 'is up', text('server is up')],
    ['not ended, with an anchor', '^server is up> $', text('server is up> ')],
    ['ended as on Windows', '^server is up$', text('server is up\r\n')],
    ['the second of one write', '^up$', text('going\nup\nand on\n')],
    ['far into a long one', 'is up$', text(`${'x'.repeat(20_000)} is up\n`)],
    ['after bytes that are not UTF-8', '^up$', [Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from('up\n')]],
  ];
  test.each(table)('%s', async (_, regex, pieces) => {
    const written = pieces.map((piece) => piece.toString('hex'));
    await withReceiver(['--stdout', regex, '--', ...app('prints-in-pieces', ...written)], async (run, receiver) => {
      await run.until('stderr', 'started\n');
      let length = 0;
      for (const piece of pieces) {
        await isNotReady(run, receiver);
        run.tell('next');
        length += piece.length;
        await until('the piece', () => run.stdout.bytes.length >= length);
      }
      await receiver.untilReady();
      expect(run.stdout.bytes).toEqual(Buffer.concat(pieces));
    });
  });

  test.each([
    ['^ is for the start of a line', '^up', text('server up\n', 'up\n')],
    ['. does not reach over lines', 'server.+up', text('server\nup\n', 'server up\n')],
    ['no flags: case counts', 'up', text('UP\n', 'up\n')],
    ['a match across two lines does not count', 'server\\s+up', text('server\n', 'up\n', 'server up\n')],
  ])('%s', async (_, regex, pieces) => {
    const written = pieces.map((piece) => piece.toString('hex'));
    await withReceiver(['--stdout', regex, '--', ...app('prints-in-pieces', ...written)], async (run, receiver) => {
      for (const [index, piece] of pieces.entries()) {
        run.tell('next');
        await run.until('stdout', pieces.slice(0, index + 1).join(''));
        if (index < pieces.length - 1) await isNotReady(run, receiver);
        else await receiver.untilReady();
        expect(piece.length).toBeGreaterThan(0);
      }
    });
  });

  test('$ matches the end of a line, not the end of a piece', async () => {
    const pieces = ['up', 'side down\n', 'up\n'];
    const written = pieces.map((piece) => Buffer.from(piece).toString('hex'));
    await withReceiver(['--stdout', 'up$', '--', ...app('prints-in-pieces', ...written)], async (run, receiver) => {
      await run.until('stderr', 'started\n');
      const began = performance.now();
      run.tell('next\nnext');
      await run.until('stdout', 'upside down\n');
      const stood = performance.now() - began;
      await run.settled();
      await receiver.settled();
      // an open line of 100 ms is a prompt (test/probes/log.test.ts), which it may be on a busy machine
      if (stood < 100) expect(receiver.isReady(), run.stderr.text).toBe(false);
      run.tell('next');
      await receiver.untilReady();
    });
  });

  test('a regex that backtracks forever delays neither signals nor output', async () => {
    await using run = wrap(['--stdout', '^(a+)+$', ...APP]);
    run.tell(`say ${'a'.repeat(40)}!`);
    run.tell('say after');
    await run.until('stdout', 'after\n');
    await run.logged('warning');
    run.kill('SIGTERM');
    expect(await run.closed).toEqual({ signal: 'SIGTERM' });
  });
});

describe('--ipc', () => {
  const rows: [string, string[], string][] = [
    ['the word', [], '"ready"'],
    ['an object of that type', [], '{"type":"ready","port":3000}'],
    ['another word', ['--ipc-message', 'online'], '"online"'],
    ['an object of another type', ['--ipc-message', 'online'], '{"type":"online"}'],
  ];
  test.each(rows)('%s', async (_, options, json) => {
    await withReceiver(['--ipc', ...options, ...APP], async (run, receiver) => {
      await run.until('stdout', 'started');
      for (const other of ['"no"', '{"type":"starting"}', '{"ready":true}', 'null', '1', '["ready"]']) {
        run.tell(`send ${other}`);
      }
      run.tell('say sent');
      await run.until('stdout', 'sent');
      await isNotReady(run, receiver);
      run.tell(`send ${json}`);
      await receiver.untilReady();
    });
  });

  test('with another word, "ready" does not count', async () => {
    await withReceiver(['--ipc-message', 'online', ...APP], async (run, receiver) => {
      run.tell('send "ready"');
      run.tell('say sent');
      await run.until('stdout', 'sent');
      await isNotReady(run, receiver);
      run.tell('send "online"');
      await receiver.untilReady();
    });
  });

  test('garbage on the channel does no harm, and the message after it counts', async () => {
    await withReceiver(['--ipc', '--', ...app('garbles-channel')], async (run, receiver) => {
      await receiver.untilReady();
      expect((await run.logged('warning')).msg).toContain('IPC');
      expect(run.log.filter(({ event }) => event === 'bug')).toEqual([]);
    });
  });

  test('an app that disconnects lives on, and keeps its exit status', async () => {
    await using run = wrap(['--ipc', '--', ...app('prints-env')]);
    expect(await run.closed).toEqual({ code: 0 });
  });
});

describe('several probes', () => {
  const both = ['--stdout', '^one$', '--stderr', '^two$'];

  test.each([[[...both]], [[...both, '--ready-when', 'all']]])('%j: waits for all of them', async (options) => {
    await withReceiver([...options, ...APP], async (run, receiver) => {
      run.tell('complain two');
      await run.until('stderr', 'two\n');
      await isNotReady(run, receiver);
      run.tell('say one');
      await receiver.untilReady();
      expect((await run.logged('ready'))['by']).toBe('stdout /^one$/ and stderr /^two$/');
    });
  });

  test('an option given twice: both count', async () => {
    await withReceiver(['--stdout', '^one$', '--stdout', '^two$', ...APP], async (run, receiver) => {
      run.tell('say one');
      await run.until('stdout', 'one\n');
      await isNotReady(run, receiver);
      run.tell('say two');
      await receiver.untilReady();
    });
  });

  test.each([
    ['say one', 'stdout /^one$/'],
    ['complain two', 'stderr /^two$/'],
  ])('--ready-when any: "%s" is enough', async (order, by) => {
    await withReceiver([...both, '--ready-when', 'any', ...APP], async (run, receiver) => {
      run.tell(order);
      await receiver.untilReady();
      expect((await run.logged('ready'))['by']).toBe(by);
    });
  });

  test('a port and a message', async () => {
    const port = await freePort();
    await withReceiver(['--tcp', `${port}`, '--ipc', ...APP], async (run, receiver) => {
      run.tell(`listen ${port} 127.0.0.1`);
      await run.until('stdout', 'listening');
      await receiver.until(({ text }) => !text.includes(`tcp 127.0.0.1:${port}`) && text.includes('ipc'));
      expect(receiver.isReady()).toBe(false);
      run.tell('send "ready"');
      await receiver.untilReady();
    });
  });
});

describe('never for a dead app', () => {
  /** The app sends its readiness signal and dies, and the wrapper sees neither before both have happened. */
  test.each([
    ['--stdout', '^up$', 'say up'],
    ['--stderr', '^up$', 'complain up'],
    ['--ipc-message', 'up', 'send "up"'],
  ])('%s', async (option, value, order) => {
    await withReceiver([option, value, ...APP], async (run, receiver) => {
      const pid = await run.appPid();
      await run.settled();
      await run.freeze();
      run.tell(order);
      run.tell('exit 3');
      await until('the app to be dead', () => stateOf(pid) === 'Z');
      run.kill('SIGCONT');
      expect(await run.closed).toEqual({ code: 3 });
      await receiver.until(({ text }) => text.includes('exited with code 3'));
      expect(receiver.isReady()).toBe(false);
      expect(run.log.filter(({ event }) => event === 'ready')).toEqual([]);
    });
  });

  test("nor for a port that another program opens after the app's death", async () => {
    const port = await freePort();
    await withReceiver(['--tcp', `${port}`, '--', ...sh('exit 4')], async (run, receiver) => {
      expect(await run.closed).toEqual({ code: 4 });
      await receiver.settled();
      expect(receiver.isReady()).toBe(false);
      // it may end before the first attempt
      expect((await run.logged('exited')).msg).toMatch(/before it (was ready|listened)/);
    });
  });
});
