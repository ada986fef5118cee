/** Promise: on a terminal, a resize, Ctrl-Z, fg and bg reach the app once, as in any shell job. */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { childrenOf, commandOf, handles, stateOf } from '../helpers/pids.ts';
import { type TempDir, tempDir } from '../helpers/temp.ts';
import { until } from '../helpers/until.ts';
import { BIN, direct, Run } from '../helpers/wrap.ts';

const COUNTS = fileURLToPath(new URL('../fixtures/systemd/counts-signals.pl', import.meta.url));

/** A shell with job control, on its own terminal (script(1) of bsdutils), with the wrapper as its job. */
async function job(dir: TempDir, options: readonly string[], command: readonly string[]) {
  const run = new Run('script', ['-qec', 'exec bash --norc --noprofile -i', '/dev/null'], {
    env: { DIR: dir.path, PS1: '$ ' },
  });
  run.tell([process.execPath, BIN, '--delay', '1ms', ...options, '--', ...command].join(' '));
  await run.until('stdout', 'ready after');
  const shell = await until('the shell', () => childrenOf(run.pid).find((pid) => commandOf(pid) === 'bash'));
  const [wrapper = 0] = childrenOf(shell);
  const appPid = await until('the app', () => childrenOf(wrapper).find((pid) => commandOf(pid) !== 'sh'));
  const canary = await until('the canary', () => childrenOf(wrapper).find((pid) => commandOf(pid) === 'sh'));
  // its traps are set when it waits for its first line
  await until(
    'the canary to be ready',
    // its last trap
    () => readFileSync(`/proc/${canary}/wchan`, 'utf8') !== '0' && handles(canary, 'SIGSYS'),
  );
  return { run, wrapper, app: appPid };
}

function got(dir: TempDir): string[] {
  return existsSync(dir.file('signals')) ? readFileSync(dir.file('signals'), 'utf8').trim().split('\n') : [];
}

const times = (dir: TempDir, signal: string) => got(dir).filter((each) => each === signal).length;

/** The wrapper has finished its earlier work when it answers a signal sent to it alone. */
async function settled(dir: TempDir, wrapper: number): Promise<void> {
  const before = times(dir, 'HUP');
  process.kill(wrapper, 'SIGHUP');
  await until('the last one', () => times(dir, 'HUP') === before + 1);
}

test('a resize reaches the app once', async () => {
  using dir = tempDir();
  const { run, wrapper } = await job(dir, [], ['perl', COUNTS]);
  await using _ = run;
  const terminal = readlinkSync(`/proc/${wrapper}/fd/0`);
  for (let n = 1; n <= 10; n += 1) {
    await using stty = direct(['stty', '-F', terminal, 'cols', `${80 + n}`]);
    expect(await stty.closed).toEqual({ code: 0 });
    await until(`number ${n}`, () => times(dir, 'WINCH') >= n);
    await settled(dir, wrapper);
    expect(times(dir, 'WINCH')).toBe(n);
  }
});

test('Ctrl-Z, fg and bg reach the app once', async () => {
  using dir = tempDir();
  const { run, wrapper } = await job(dir, [], ['perl', COUNTS]);
  await using _ = run;
  for (let n = 1; n <= 3; n += 1) {
    run.process.stdin?.write('\x1a');
    await until('the wrapper to stand', () => stateOf(wrapper) === 'T');
    await until('the app to have it', () => times(dir, 'TSTP') >= n);
    run.tell('fg');
    await until('the app to go on', () => times(dir, 'CONT') >= n);
    await settled(dir, wrapper);
    expect([times(dir, 'TSTP'), times(dir, 'CONT')]).toEqual([n, n]);
  }
  run.process.stdin?.write('\x1a');
  await until('the wrapper to stand', () => stateOf(wrapper) === 'T');
  run.tell('bg');
  await until('the app to go on', () => times(dir, 'CONT') >= 4);
  await settled(dir, wrapper);
  expect([times(dir, 'TSTP'), times(dir, 'CONT'), times(dir, 'TTIN'), times(dir, 'TTOU')]).toEqual([4, 4, 0, 0]);
});

describe.each(['process', 'group'])('--signal-scope %s', (scope) => {
  test('Ctrl-Z stops the wrapper and the app, fg and bg continue both', async () => {
    using dir = tempDir();
    const { run, wrapper, app } = await job(dir, ['--signal-scope', scope], ['sleep', '600']);
    await using _ = run;
    for (const go of ['fg', 'fg', 'bg']) {
      run.process.stdin?.write('\x1a');
      await until('both to stop', () => stateOf(wrapper) === 'T' && stateOf(app) === 'T');
      run.tell(go);
      await until('both to go on', () => stateOf(wrapper) === 'S' && stateOf(app) === 'S');
    }
  });
});

test('the job stops as a whole when it reads in the background, and fg continues it', async () => {
  using dir = tempDir();
  const { run, wrapper, app } = await job(dir, [], ['cat']);
  await using _ = run;
  run.process.stdin?.write('\x1a');
  await until('both to stop', () => stateOf(wrapper) === 'T' && stateOf(app) === 'T');
  run.tell('bg');
  // the terminal sends SIGTTIN to the whole group
  await run.until('stdout', /\[1\]\+? .*(?:cat &)/);
  await until('both to stand again', () => stateOf(wrapper) === 'T' && stateOf(app) === 'T');
  run.tell('fg');
  await until('both to go on', () => stateOf(wrapper) === 'S' && stateOf(app) === 'S');
  run.tell('hello');
  await run.until('stdout', /hello\r\nhello/);
});
