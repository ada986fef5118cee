/** Promise: each catchable signal reaches the app, once each time that somebody sends it. */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { app, sh } from '../helpers/apps.ts';
import { stateOf } from '../helpers/pids.ts';
import { until } from '../helpers/until.ts';
import { type Run, wrap } from '../helpers/wrap.ts';

/** Written out, so that the table of the program is not its own measure. */
const FORWARDED = [
  ...['HUP', 'INT', 'QUIT', 'TRAP', 'ABRT', 'USR1', 'USR2', 'PIPE', 'ALRM', 'TERM', 'STKFLT', 'CONT', 'URG'],
  ...['XCPU', 'XFSZ', 'VTALRM', 'PROF', 'IO', 'PWR', 'SYS'],
].map((name) => `SIG${name}` as NodeJS.Signals);

const times = (run: Run, signal: string) => run.stdout.count(`got ${signal}`);

describe.each(['while it starts', 'when it is ready'])('%s', (when) => {
  test('each signal once', async () => {
    await using run = wrap(['--stdout', '^ready', '--', ...app('prints-signals')]);
    await run.until('stdout', 'started');
    await run.logged('started');
    if (when === 'when it is ready') {
      run.tell('ready');
      await run.logged('ready');
    }
    for (const signal of FORWARDED) {
      run.kill(signal);
      await until(`${signal}: ${when}`, () => times(run, signal) > 0);
    }
    // whatever else was on its way has come when the last one has
    run.kill('SIGHUP');
    await until('the last one', () => times(run, 'SIGHUP') === 2);
    run.tell('end');
    expect(await run.closed).toEqual({ code: 0 });
    expect(FORWARDED.map((signal) => [signal, times(run, signal)])).toEqual(
      FORWARDED.map((signal) => [signal, signal === 'SIGHUP' ? 2 : 1]),
    );
  });

  test('two SIGTERMs are two', async () => {
    await using run = wrap(['--stdout', '^ready', '--', ...app('prints-signals')]);
    await run.until('stdout', 'started');
    if (when === 'when it is ready') {
      run.tell('ready');
      await run.logged('ready');
    }
    for (const n of [1, 2]) {
      run.kill('SIGTERM');
      await until(`SIGTERM number ${n}`, () => times(run, 'SIGTERM') === n);
    }
    run.tell('end');
    expect(await run.closed).toEqual({ code: 0 });
    expect(times(run, 'SIGTERM')).toBe(2);
  });
});

test('a signal in the first moments, before there is an app, reaches it', async () => {
  // as soon as the wrapper has its handlers, when it is still far from starting the app
  await using run = wrap(['--stdout', '^up', '--', ...sh('trap "exit 9" USR2; while :; do read -r x || :; done')]);
  await until('the handler for SIGUSR2', () => handles(run.pid, constants.signals.SIGUSR2));
  run.kill('SIGUSR2');
  const exit = await run.exit;
  // The shell may get it before its trap stands, and die of it: either way it was passed on
  expect([{ code: 9 }, { signal: 'SIGUSR2' }]).toContainEqual(exit);
  expect(run.log.filter(({ event }) => event === 'signal')).toHaveLength(1);
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2', 'SIGPIPE', 'SIGQUIT'] as const)(
  '%s to an app without a handler: both die of it',
  async (signal) => {
    await using run = wrap(['--stdout', '^up', '--', ...sh('echo up; exec sleep 600')]);
    await run.logged('ready');
    run.kill(signal);
    expect(await run.closed).toEqual({ signal });
  },
);

test('the wrapper never kills a ready app by a clock of its own', async () => {
  const options = ['--stdout', '^ready', '--timeout', '5s', '--stop-timeout', '10ms'];
  await using run = wrap([...options, '--', ...app('ends-slowly', 700, 7)]);
  await run.logged('ready');
  run.kill('SIGTERM');
  expect(await run.closed).toEqual({ code: 7 });
});

test('the log names each signal that was passed on', async () => {
  await using run = wrap(['--stdout', '^never', '--', ...app('prints-signals')]);
  await run.until('stdout', 'started');
  run.kill('SIGUSR2');
  expect((await run.logged('signal')).msg).toContain('SIGUSR2');
});

test('a SIGCONT wakes a stopped app', async () => {
  await using run = wrap(['--stdout', '^started', '--', ...app('does-as-told')]);
  const pid = await run.appPid();
  await run.logged('ready');
  process.kill(pid, 'SIGSTOP');
  await until('the app to stand', () => stateOf(pid) === 'T');
  run.kill('SIGCONT');
  await until('the app to go on', () => stateOf(pid) !== 'T');
});

/** Whether a process catches a signal, by number: SigCgt of proc(5). */
function handles(pid: number, signal: number): boolean {
  try {
    const caught = /^SigCgt:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
    return ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}
