/** Every signal that Node can catch reaches the app, once each. */
import { describe, expect, test } from 'vitest';
import { FORWARDED_SIGNALS } from '../../src/core/signals.ts';
import { until } from './support/until.ts';
import { node, type Run, wrap } from './support/wrap.ts';

const count = (run: Run, signal: string) => run.stdout().toString().split(`got ${signal}\n`).length - 1;

describe.each([
  ['while it starts', 'never', 'ready (pid'],
  ['when it is ready', '^ready', 'ready after'],
])('%s', (_, regex, shown) => {
  test('each signal once', async () => {
    await using run = wrap(['--stdout', regex, '--', ...node('prints-signals', ...FORWARDED_SIGNALS)]);
    await run.shows(shown);
    for (const signal of FORWARDED_SIGNALS) {
      run.child.kill(signal);
      await run.shows(`got ${signal}`);
    }
    run.child.stdin.end();
    expect(await run.exit).toEqual({ code: 0, signal: null });
    for (const signal of FORWARDED_SIGNALS) expect([signal, count(run, signal)]).toEqual([signal, 1]);
  });
});

test('a second SIGTERM is passed on too', async () => {
  await using run = wrap(['--stdout', '^ready', '--', ...node('prints-signals', 'SIGTERM')]);
  await run.shows('ready after');
  run.child.kill('SIGTERM');
  await until('the first', () => count(run, 'SIGTERM') === 1);
  run.child.kill('SIGTERM');
  await until('the second', () => count(run, 'SIGTERM') === 2);
});

test('a signal that nobody handles ends both, the wrapper as the app', async () => {
  await using run = wrap(['--stdout', '^ready', '--', ...node('prints-signals')]);
  await run.shows('ready after');
  run.child.kill('SIGUSR2');
  expect(await run.exit).toEqual({ code: null, signal: 'SIGUSR2' });
});

test('a SIGPIPE that our own write raised is not passed on', async () => {
  await using run = wrap(['--stdout', '^ready', '--', ...node('prints-signals', 'SIGPIPE', 'SIGHUP', 'SIGUSR1')]);
  await run.shows('ready after');
  run.child.stderr.destroy();
  // each is logged, to a reader that is gone
  run.child.kill('SIGHUP');
  await run.shows('got SIGHUP');
  run.child.kill('SIGUSR1');
  await run.shows('got SIGUSR1');
  run.child.stdin.end();
  expect(await run.exit).toEqual({ code: 0, signal: null });
  expect(count(run, 'SIGPIPE')).toBe(0);
});
