/** Promise: the wrapper ends as the app ended, at once, and has four exit codes of its own. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { app, sh } from '../helpers/apps.ts';
import { freePort } from '../helpers/free-port.ts';
import { isRunning } from '../helpers/pids.ts';
import { tempDir } from '../helpers/temp.ts';
import { until } from '../helpers/until.ts';
import { wrap } from '../helpers/wrap.ts';

/** Calls `use` for each, at most so many at a time. */
async function each<T>(items: readonly T[], use: (item: T) => Promise<void>, atATime = 4): Promise<void> {
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await use(item);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}

/** Every signal that ends a process by default and has a name in Node (signal(7)). */
const DEADLY = [
  ...['TERM', 'INT', 'HUP', 'QUIT', 'USR1', 'USR2', 'PIPE', 'ALRM', 'ABRT', 'SEGV', 'BUS', 'ILL', 'FPE', 'TRAP'],
  ...['SYS', 'KILL', 'XCPU', 'XFSZ', 'VTALRM', 'PROF', 'STKFLT', 'IO', 'PWR'],
] as const;

describe("the app's exit code", () => {
  // test/systemd/comparison.test.ts has all of them
  const codes = [0, 1, 2, 3, 64, 77, 100, 124, 125, 126, 127, 128, 129, 137, 143, 200, 254, 255];

  test('is kept after readiness', async () => {
    await each(codes, async (code) => {
      await using run = wrap(['--stdout', '^up$', '--', ...sh('echo up; read -r code; exit "$code"')]);
      await run.logged('ready');
      run.tell(`${code}`);
      expect(await run.exit).toEqual({ code });
    });
  });

  test('is kept before readiness', async () => {
    await each(codes, async (code) => {
      await using run = wrap(['--stdout', '^up$', '--', ...sh('exit "$1"', code)]);
      expect(await run.exit).toEqual({ code });
    });
  });
});

describe('the wrapper dies by the signal that killed the app', () => {
  const script = 'echo "(pid $$)"; read -r line; echo "$line"; read -r line';

  test('each signal, after readiness', async () => {
    await each(DEADLY, async (name) => {
      await using run = wrap(['--stdout', '^up$', '--', ...sh(script)]);
      const pid = await run.appPid();
      run.tell('up');
      await run.logged('ready');
      process.kill(pid, `SIG${name}`);
      expect(await run.exit).toEqual({ signal: `SIG${name}` });
    });
  });

  test('each signal, before readiness', async () => {
    await each(DEADLY, async (name) => {
      await using run = wrap(['--stdout', '^up$', '--', ...sh(script)]);
      process.kill(await run.appPid(), `SIG${name}`);
      expect(await run.exit).toEqual({ signal: `SIG${name}` });
      expect((await run.logged('exited')).msg).toContain(`was killed by SIG${name}`);
    });
  });
});

test('128+n after a stop by signal n is kept, and is a warning with advice', async () => {
  await each([...[143, 130].entries()], async ([index, code]) => {
    const script = `trap "exit ${code}" TERM INT; echo up; while :; do sleep 0.02; done`;
    await using run = wrap(['--stdout', '^up$', '--', ...sh(script)]);
    await run.logged('ready');
    run.kill(index === 0 ? 'SIGTERM' : 'SIGINT');
    expect(await run.closed).toEqual({ code });
    expect(run.log.at(-1)).toMatchObject({
      level: 40,
      msg: `sh -c exited with code ${code}; if this is its normal end, add SuccessExitStatus=${code}`,
    });
  });
});

describe('a surviving grandchild delays nothing, and the last output is passed on', () => {
  test.each([
    ['no stream watched', ['--tcp', '1']],
    ['a watched stream', ['--stdout', 'never']],
    ['both streams watched', ['--output', 'never']],
    ['an IPC channel', ['--ipc', '--stdout', 'never']],
  ])('%s', async (_, options) => {
    await using run = wrap([...options, '--', ...app('leaves-grandchild', 5)]);
    expect(await run.exit).toEqual({ code: 5 });
    const grandchild = await run.appPid();
    expect(run.stdout.text).toBe(`last words (pid ${grandchild})\n`);
    expect(isRunning(grandchild)).toBe(true);
  });

  test('even if the grandchild goes on writing', async () => {
    await using run = wrap(['--stdout', 'never', '--', ...sh('echo last; (while echo more; do :; done) & exit 6')]);
    expect(await run.exit).toEqual({ code: 6 });
    await run.until('stdout', /^last\n/);
  });

  test('even if much was written just before the end', async () => {
    // as much as a pipe holds, all of it unread when the app ends
    await using run = wrap(['--stdout', 'never', '--', ...sh('head -c 60000 /dev/zero; sleep 600 & exit 7')]);
    expect(await run.exit).toEqual({ code: 7 });
    await until('the bytes', () => run.stdout.bytes.length === 60_000);
  });
});

describe("the wrapper's own exit codes", () => {
  test('124: not ready in time', async () => {
    const port = await freePort();
    await using run = wrap(['--tcp', `${port}`, '--timeout', '100ms', '--', 'sleep', '600']);
    expect(await run.closed).toEqual({ code: 124 });
  });

  test('125: bad usage', async () => {
    await using run = wrap(['--no-such-option']);
    expect(await run.closed).toEqual({ code: 125 });
  });

  // directly, and started by a shell, which restores a limit
  test.each([
    ['', []],
    [', by a shell', sh('ulimit -S -n 300; "$@"; exit $?')],
  ])('126 if the command cannot be executed, 127 if it is not found%s', async (_, under) => {
    using dir = tempDir();
    mkdirSync(dir.file('directory'));
    writeFileSync(dir.file('not-executable'), '#!/bin/sh\n');
    writeFileSync(dir.file('no-interpreter'), '#!/no/such/interpreter\n');
    chmodSync(dir.file('no-interpreter'), 0o755);
    symlinkSync('loop', dir.file('loop'));
    const table: [string, number][] = [
      [dir.file('directory'), 126],
      [dir.file('not-executable'), 126],
      [`${dir.file('not-executable')}/below`, 126],
      [dir.file('loop'), 126],
      [dir.file('no-interpreter'), 127],
      [dir.file('missing'), 127],
      ['no-such-command-anywhere', 127],
    ];
    await each(table, async ([command, code]) => {
      await using run = wrap(['--stdout', 'up', '--log-level', 'error', '--', command], { under });
      expect([command, await run.closed]).toEqual([command, { code }]);
      expect(run.stderr.lines[0]).toContain(command);
      // the shell's env(1) reports a missing interpreter, and the app has already ended then
      if (!(under.length > 0 && command.endsWith('no-interpreter'))) expect(run.stderr.lines).toHaveLength(1);
    });
  });

  test.each([[[]], [['--print-unit']]])(
    'advises to split a command line that is given as the program, %j',
    async (options) => {
      await using run = wrap([...options, '--', 'node server.js']);
      expect(await run.closed).toEqual({ code: 127 });
      expect(run.stderr.text).toContain('write the words without quotes around them: -- node server.js');
    },
  );

  test('an app that exits with one of them keeps it', async () => {
    await each([124, 125, 126, 127], async (code) => {
      await using run = wrap(['--stdout', 'up', '--', ...sh('exit "$1"', code)]);
      expect(await run.closed).toEqual({ code });
      expect((await run.logged('exited')).msg).toContain(`exited with code ${code}`);
    });
  });
});

test('a wrapper that is killed leaves its processes alone, as a killed app would', async () => {
  await using run = wrap(['--stdout', 'started', '--', ...app('does-as-told')]);
  const pid = await run.appPid();
  await run.logged('ready');
  run.kill('SIGKILL');
  expect(await run.exit).toEqual({ signal: 'SIGKILL' });
  expect(isRunning(pid)).toBe(true);
});
