/** Promise: what is not ready in time is stopped, and the log says what was awaited and why it did not come. */
import { describe, expect, test } from 'vitest';
import { formatDuration } from '../../src/base/time-span.ts';
import { app } from '../helpers/apps.ts';
import { freePort } from '../helpers/free-port.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { scaled } from '../helpers/pace.js';
import { stateOf } from '../helpers/pids.ts';
import { until } from '../helpers/until.ts';
import { wrap } from '../helpers/wrap.ts';

/** Enough for the app to boot, and to be told where else a line may be, which takes a second. */
const LATE = `${scaled(2000)}ms`;

const PATIENT = ['--stop-timeout', '1h'];

describe('the text', () => {
  test.each([
    ['tcp', ['--tcp', 'PORT'], 'tcp 127.0.0.1:PORT: ECONNREFUSED'],
    [
      'a log probe without a line',
      ['--stderr', 'up'],
      'stderr /up/: no output yet; if the line is on stdout, write --stdout',
    ],
    [
      'a log probe without a match',
      ['--stdout', 'up'],
      'stdout /up/: no line matched yet; if the line is on stderr, write --stderr',
    ],
    ['ipc', ['--ipc'], 'ipc message "ready": no message yet'],
    [
      'several',
      ['--tcp', 'PORT', '--stderr', 'up'],
      'tcp 127.0.0.1:PORT: ECONNREFUSED; stderr /up/: no output yet; if the line is on stdout, write --stdout',
    ],
  ])('%s', async (_, probes, text) => {
    const port = `${await freePort()}`;
    await using receiver = await NotifyReceiver.start();
    const options = probes.map((word) => word.replace('PORT', port));
    await using run = wrap([...options, '--timeout', LATE, '--', ...app('does-as-told')], {
      env: { NOTIFY_SOCKET: receiver.path },
    });
    expect(await run.closed).toEqual({ code: 124 });
    const expected = `not ready after ${formatDuration(scaled(2000))}: ${text.replace('PORT', port)}`;
    expect((await run.logged('not-ready')).msg).toBe(expected);
    await receiver.until(({ text: datagram }) => datagram.includes(`STATUS=${expected}`));
    expect(receiver.isReady()).toBe(false);
  });
});

describe('the app', () => {
  test('gets SIGTERM, and its own time to end', async () => {
    await using run = wrap(['--stdout', 'no', '--timeout', LATE, ...PATIENT, '--', ...app('ends-slowly', 300, 7)]);
    expect(await run.closed).toEqual({ code: 124 });
    expect(run.stdout.count('got SIGTERM')).toBe(1);
    expect(run.log.map(({ event }) => event)).not.toContain('killed');
  });

  test('gets SIGKILL after --stop-timeout', async () => {
    const options = ['--stdout', 'no', '--timeout', LATE, '--stop-timeout', '200ms'];
    await using run = wrap([...options, '--', ...app('ignores-sigterm')]);
    expect(await run.closed).toEqual({ code: 124 });
    expect(run.stdout.count('got SIGTERM')).toBe(1);
    expect((await run.logged('exited')).msg).toContain('SIGKILL');
  });

  test('is woken for it when it stands', async () => {
    await using run = wrap(['--stdout', 'no', '--timeout', LATE, ...PATIENT, '--', ...app('does-as-told')]);
    const pid = await run.appPid();
    process.kill(pid, 'SIGSTOP');
    await until('the app to stand', () => stateOf(pid) === 'T');
    expect(await run.closed).toEqual({ code: 124 });
  });

  test('is not ready any more, whatever it prints then', async () => {
    await using receiver = await NotifyReceiver.start();
    const options = ['--stdout', '^got SIGTERM$', '--timeout', LATE, '--stop-timeout', '300ms'];
    await using run = wrap([...options, '--', ...app('ignores-sigterm')], { env: { NOTIFY_SOCKET: receiver.path } });
    expect(await run.closed).toEqual({ code: 124 });
    await receiver.settled();
    expect(receiver.isReady()).toBe(false);
  });

  test('that died by itself keeps its code', async () => {
    await using run = wrap(['--stdout', 'no', '--timeout', '1h', '--', ...app('exits-with', 3)]);
    expect(await run.closed).toEqual({ code: 3 });
  });

  test('still gets the signals of others while it is being stopped', async () => {
    await using run = wrap(['--stdout', 'no', '--timeout', LATE, ...PATIENT, '--', ...app('prints-signals')]);
    await run.logged('not-ready');
    await run.until('stdout', 'got SIGTERM\n');
    run.kill('SIGHUP');
    await run.until('stdout', 'got SIGHUP\n');
    run.tell('end');
    expect(await run.closed).toEqual({ code: 124 });
  });
});

test('an app that was ready in time is left alone when the time is over', async () => {
  // the app's own clock tells that the time is over
  const script = `console.log('ready'); setTimeout(() => process.exit(9), ${scaled(3000)})`;
  await using run = wrap(['--stdout', '^ready$', '--timeout', LATE, '--', process.execPath, '-e', script]);
  expect(await run.closed).toEqual({ code: 9 });
  expect(run.log.map(({ event }) => event)).toEqual(['started', 'ready', 'exited']);
});

test.each(['0', 'infinity'])('--timeout %s is none', async (time) => {
  await using run = wrap(['--stdout', 'no', '--timeout', time, '--', ...app('does-as-told')]);
  await run.until('stdout', 'started');
  await run.settled();
  run.tell('exit 8');
  expect(await run.closed).toEqual({ code: 8 });
});
