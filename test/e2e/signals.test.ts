/** Promise: each catchable signal reaches the app, once each time that it is sent. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { app, sh } from '../helpers/apps.ts';
import { busyLoops } from '../helpers/busy-core.ts';
import { scaled } from '../helpers/pace.js';
import { childrenOf, handles, isRunning, stateOf } from '../helpers/pids.ts';
import { until } from '../helpers/until.ts';
import { type Run, wrap } from '../helpers/wrap.ts';

/** Written out, so that the program's table is not tested against itself. */
const FORWARDED = [
  ...['HUP', 'INT', 'QUIT', 'TRAP', 'ABRT', 'USR1', 'USR2', 'PIPE', 'ALRM', 'TERM', 'STKFLT', 'CONT', 'URG'],
  ...['XCPU', 'XFSZ', 'VTALRM', 'PROF', 'WINCH', 'IO', 'PWR', 'SYS'],
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
    // when this one arrives, all others have arrived
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

test('a signal in the first moments, before the app exists, reaches it', async () => {
  // once the wrapper has its handlers, long before it starts the app
  await using run = wrap(['--stdout', '^up', '--', ...sh('trap "exit 9" USR2; while :; do read -r x || :; done')]);
  await until('the handler for SIGUSR2', () => handles(run.pid, 'SIGUSR2'));
  run.kill('SIGUSR2');
  const exit = await run.exit;
  // The shell may get it before its trap is set, and die of it: either way it was passed on
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

test('the wrapper never kills a ready app because of a timeout', async () => {
  const options = ['--stdout', '^ready', '--timeout', `${scaled(5000)}ms`, '--stop-timeout', '10ms'];
  await using run = wrap([...options, '--', ...app('ends-slowly', 700, 7)]);
  await run.logged('ready');
  run.kill('SIGTERM');
  expect(await run.closed).toEqual({ code: 7 });
});

test('the log names each forwarded signal', async () => {
  await using run = wrap(['--stdout', '^never', '--', ...app('prints-signals')]);
  await run.until('stdout', 'started');
  run.kill('SIGUSR2');
  expect((await run.logged('signal')).msg).toContain('SIGUSR2');
});

test('SIGCONT wakes a stopped app', async () => {
  await using run = wrap(['--stdout', '^started', '--', ...app('does-as-told')]);
  const pid = await run.appPid();
  await run.logged('ready');
  process.kill(pid, 'SIGSTOP');
  await until('the app to stand', () => stateOf(pid) === 'T');
  run.kill('SIGCONT');
  await until('the app to go on', () => stateOf(pid) !== 'T');
});

test('an app that a stop of the whole unit kills at once was stopped, however busy the machine: 80 of 80', async () => {
  // the kernel may give SIGTERM to a thread of the wrapper that gets a core only after the main thread has SIGCHLD
  const stopped: boolean[] = [];
  for (let round = 1; round <= 4; round += 1) {
    const all = Array.from({ length: 20 }, () => wrap(['--stdout', 'never', '--', 'sleep', '600']));
    try {
      await Promise.all(all.map(canaryOf));
      using _ = busyLoops(6);
      // in the order of systemd: the main process first
      for (const { pid } of all) for (const each of [pid, ...childrenOf(pid)]) process.kill(each, 'SIGTERM');
      expect(await Promise.all(all.map((run) => run.closed))).toEqual(all.map(() => ({ signal: 'SIGTERM' })));
    } finally {
      for (const run of all) await run[Symbol.asyncDispose]();
    }
    stopped.push(...all.map(({ log }) => log.some(({ event }) => event === 'stop-requested')));
  }
  expect(stopped).toEqual(stopped.map(() => true));
});

describe('a signal that the whole group got is not sent a second time', () => {
  /** In its own process group, like a job and a service; the canary is ready. */
  async function job(options: readonly string[] = []): Promise<{ run: Run; canary: number }> {
    const run = wrap(['--stdout', '^started', ...options, '--', ...app('prints-signals')], { under: ['setsid'] });
    await run.logged('ready');
    return { run, canary: await canaryOf(run) };
  }

  test.each([
    'SIGINT',
    'SIGTERM',
    'SIGHUP',
    'SIGQUIT',
    'SIGUSR1',
    'SIGCONT',
    'SIGURG',
    'SIGPWR',
    'SIGTSTP',
    'SIGTTIN',
    'SIGTTOU',
    'SIGWINCH',
  ] as const)('%s to the process group, fifty times', async (signal) => {
    const { run } = await job();
    await using _ = run;
    for (let n = 1; n <= 50; n += 1) {
      process.kill(-run.pid, signal);
      await until(`${signal} number ${n}`, () => times(run, signal) >= n);
      // the canary has handled it, else two would be one for it: standard signals are not queued (signal(7))
      await settled(run);
    }
    expect(times(run, signal)).toBe(50);
  });

  test('SIGTERM as soon as there is a canary, before the wrapper has loaded its signal handling', async () => {
    // the app sees the canary as a sibling, and sends the signal itself
    const script =
      '$SIG{TERM} = sub { $| = 1; print "got SIGTERM\\n"; $n++ }; $ppid = getppid; ' +
      'do { open F, "/proc/$ppid/task/$ppid/children"; @all = split " ", <F> } until @all > 1; ' +
      'kill -15, $ppid; do { $line = <STDIN> } until defined $line; exit $n';
    for (let n = 0; n < 8; n += 1) {
      await using run = wrap(['--stdout', '^never', '--', 'perl', '-e', script], { under: ['setsid'] });
      await run.until('stdout', 'got SIGTERM');
      await run.logged('signal');
      await run.settled();
      run.tell('end');
      expect(await run.closed).toEqual({ code: 1 });
    }
  });

  test('two of them at once, each once and in order', async () => {
    const { run } = await job(['--log-level', 'debug']);
    await using _ = run;
    for (let n = 1; n <= 300; n += 1) {
      for (const signal of ['SIGTERM', 'SIGCONT', 'SIGHUP'] as const) process.kill(-run.pid, signal);
      await until(`number ${n}`, () => times(run, 'SIGHUP') >= n);
      // as below: a signal that the canary has not taken yet would merge with the next
      await until('the log', () => run.log.filter(({ event }) => event === 'signal').length >= 3 * n);
    }
    await settled(run);
    expect(['SIGTERM', 'SIGCONT', 'SIGHUP'].map((signal) => times(run, signal))).toEqual([300, 300, 300]);
  });

  test('a SIGPIPE while the canary reports another', async () => {
    const { run } = await job();
    await using _ = run;
    for (let n = 1; n <= 200; n += 1) {
      process.kill(-run.pid, 'SIGTERM');
      // a gap of up to 0.12 ms, too short for a timer
      const gapEnd = performance.now() + (n % 10) / 80;
      while (performance.now() < gapEnd);
      process.kill(-run.pid, 'SIGPIPE');
      await until(`number ${n}`, () => times(run, 'SIGPIPE') >= n);
      await until('the log', () => run.log.filter(({ event }) => event === 'signal').length >= 2 * n);
    }
    await settled(run);
    expect(['SIGTERM', 'SIGPIPE'].map((signal) => times(run, signal))).toEqual([200, 200]);
  });

  test('a signal to the wrapper alone in between is sent', async () => {
    const { run } = await job();
    await using _ = run;
    for (let n = 1; n <= 20; n += 1) {
      process.kill(-run.pid, 'SIGTERM');
      await until(`number ${n} to all`, () => times(run, 'SIGTERM') >= 2 * n - 1);
      // a second signal of the same kind would merge with the first while that is pending
      await until('the log', () => run.log.filter(({ fate }) => fate === 'reached').length >= n);
      run.kill('SIGTERM');
      await until(`number ${n} to us`, () => times(run, 'SIGTERM') >= 2 * n);
    }
    await settled(run);
    expect(times(run, 'SIGTERM')).toBe(40);
  });

  test('--forward-signals all sends it twice, none never', async () => {
    const { run } = await jobWithout('all');
    await using _ = run;
    process.kill(-run.pid, 'SIGTERM');
    await run.until('stderr', 'forwarded SIGTERM');
    await settled(run);
    expect([1, 2]).toContain(times(run, 'SIGTERM'));

    const { run: other } = await jobWithout('none');
    await using __ = other;
    other.kill('SIGTERM');
    await other.until('stderr', 'SIGTERM not forwarded');
    process.kill(-other.pid, 'SIGHUP');
    await until('the one that was sent to it', () => times(other, 'SIGHUP') === 1);
    expect(times(other, 'SIGTERM')).toBe(0);
  });

  async function jobWithout(forward: string): Promise<{ run: Run }> {
    const options = ['--stdout', '^started', '--forward-signals', forward];
    const run = wrap([...options, '--', ...app('prints-signals')], { under: ['setsid'] });
    await run.logged('ready');
    return { run };
  }

  test('a killed canary is replaced at once, and the next group signal is sent once', async () => {
    const { run } = await job();
    await using _ = run;
    for (let n = 1; n <= 20; n += 1) {
      const canary = await canaryOf(run);
      const killedAt = performance.now();
      process.kill(canary, 'SIGKILL');
      await until('the next one', () => childrenOf(run.pid).some((pid) => pid !== canary && isCanary(pid)));
      expect(performance.now() - killedAt).toBeLessThan(1000);
      process.kill(-run.pid, 'SIGTERM');
      await until(`SIGTERM number ${n}`, () => times(run, 'SIGTERM') >= n);
      await settled(run);
      expect(times(run, 'SIGTERM')).toBe(n);
    }
  });

  test('a stopped canary: a group signal arrives once, and so does one to the wrapper alone', async () => {
    const { run, canary } = await job();
    await using _ = run;
    for (let n = 1; n <= 20; n += 1) {
      process.kill(canary, 'SIGSTOP');
      await until('it to stop', () => stateOf(canary) === 'T');
      process.kill(-run.pid, 'SIGTERM');
      await until(`SIGTERM number ${n}`, () => times(run, 'SIGTERM') >= n);
      await settled(run);
      expect(times(run, 'SIGTERM')).toBe(n);
      process.kill(canary, 'SIGSTOP');
      await until('it to stop', () => stateOf(canary) === 'T');
      run.kill('SIGHUP');
      await until(`SIGHUP number ${n}`, () => times(run, 'SIGHUP') >= n);
    }
    await settled(run);
    expect([times(run, 'SIGTERM'), times(run, 'SIGHUP')]).toEqual([20, 20]);
  });

  test('a killed canary is replaced, and none outlives the wrapper', async () => {
    const { run, canary } = await job();
    await using _ = run;
    process.kill(canary, 'SIGKILL');
    run.kill('SIGHUP');
    await until('the signal that no canary reported', () => times(run, 'SIGHUP') === 1);
    const next = await until('the next one', () => childrenOf(run.pid).find((pid) => pid !== canary && isCanary(pid)));
    process.kill(-run.pid, 'SIGTERM');
    await until('SIGTERM', () => times(run, 'SIGTERM') >= 1);
    await settled(run);
    expect(times(run, 'SIGTERM')).toBe(1);
    run.tell('end');
    expect(await run.closed).toEqual({ code: 0 });
    expect(isRunning(next)).toBe(false);
  });

  test('the command line of the canary states its purpose, as systemctl status shows it', async () => {
    const { run, canary } = await job();
    await using _ = run;
    const words = readFileSync(`/proc/${canary}/cmdline`, 'utf8').split('\0').join(' ').trim();
    expect(words).toBe('/bin/sh -s sd-ready-wrap: checks which signals reach the whole unit');
  });

  test('the canary dies with a killed wrapper', async () => {
    const { run, canary } = await job();
    await using _ = run;
    run.kill('SIGKILL');
    await until('it to be gone', () => !isRunning(canary));
  });
});

describe('--rewrite-signal', () => {
  test('sends another signal, or none', async () => {
    const options = ['--rewrite-signal', 'TERM:USR2', '--rewrite-signal', 'HUP:0'];
    await using run = wrap([...options, '--stdout', '^started', '--', ...app('prints-signals')]);
    await run.logged('ready');
    run.kill('SIGHUP');
    run.kill('SIGTERM');
    await until('the other', () => times(run, 'SIGUSR2') === 1);
    await settled(run);
    expect([times(run, 'SIGHUP'), times(run, 'SIGTERM')]).toEqual([0, 0]);
  });

  test('applies to the stop after a missed start timeout too', async () => {
    const options = [
      '--rewrite-signal',
      'TERM:USR2',
      '--timeout',
      `${scaled(2000)}ms`,
      '--stop-timeout',
      `${scaled(2000)}ms`,
    ];
    await using run = wrap([...options, '--stdout', '^never', '--', ...app('prints-signals')]);
    expect(await run.closed).toEqual({ code: 124 });
    expect([times(run, 'SIGUSR2'), times(run, 'SIGTERM')]).toEqual([1, 0]);
  });
});

describe('--signal-scope', () => {
  // the shell survives it, its child prints what it got
  const family = `exec 3<&0; "$0" "$1" <&3 & trap '' USR2; wait`;

  test.each([
    ['process', 0],
    ['group', 1],
  ] as const)('%s', async (scope, count) => {
    const [node = '', script = ''] = app('prints-signals');
    const command = ['sh', '-c', family, node, script];
    await using run = wrap(['--stdout', '^started', '--signal-scope', scope, '--', ...command]);
    await run.logged('ready');
    run.kill('SIGUSR2');
    await run.until('stderr', 'forwarded SIGUSR2');
    const child = await run.appPid();
    process.kill(child, 'SIGHUP');
    await until('what was sent to it later', () => times(run, 'SIGHUP') === 1);
    expect(times(run, 'SIGUSR2')).toBe(count);
    process.kill(child, 'SIGKILL');
  });
});

describe.each(['SIGTSTP', 'SIGTTIN', 'SIGTTOU'] as const)('a job that gets %s', (signal) => {
  test('to the wrapper alone: the app gets it, and both continue with SIGCONT', async () => {
    // its stdout is not watched, because a stopped wrapper would relay it later. Its process group can be continued, as
    // a shell does with its jobs.
    const under = ['perl', '-e', 'setpgrp(0, 0); exec @ARGV'];
    await using run = wrap(['--delay', '1s', '--', ...app('prints-signals')], { under });
    await run.logged('ready');
    await canaryOf(run);
    run.kill(signal);
    await until('the app to have it', () => times(run, signal) === 1);
    await until('the wrapper to stop', () => stateOf(run.pid) === 'T');
    run.kill('SIGCONT');
    await until('the app to have that too', () => times(run, 'SIGCONT') === 1);
    run.kill(signal);
    await until('the app to have it again', () => times(run, signal) === 2);
    run.kill('SIGCONT');
    run.tell('end');
    expect(await run.closed).toEqual({ code: 0 });
  });

  test('without a shell that could continue it, as in a service, nothing stops', async () => {
    await using run = wrap(['--stdout', '^started', '--', ...app('prints-signals')], { under: ['setsid'] });
    await run.logged('ready');
    run.kill(signal);
    await until('the app to have it', () => times(run, signal) === 1);
    run.kill('SIGHUP');
    await until('the wrapper to go on', () => times(run, 'SIGHUP') === 1);
  });
});

/** When this signal arrives, all others have arrived. */
async function settled(run: Run): Promise<void> {
  const before = times(run, 'SIGVTALRM');
  run.kill('SIGVTALRM');
  await until('the last one', () => times(run, 'SIGVTALRM') === before + 1);
}

/** The canary, once it catches all that it should. */
function canaryOf(run: Run): Promise<number> {
  return until('the canary', () => childrenOf(run.pid).find(isCanary));
}

function isCanary(pid: number): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('checks\0which\0signals') &&
      handles(pid, 'SIGTSTP') &&
      handles(pid, 'SIGSYS')
    );
  } catch {
    return false;
  }
}
