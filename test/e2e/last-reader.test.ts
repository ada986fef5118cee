/**
 * Promise: a watched stream keeps a reader until its end, even if the command and the wrapper have ended while a child
 * of theirs still writes: every byte arrives once, in order, at whatever the stream leads to.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { orElse } from '../../src/base/or-else.ts';
import { NODE, sh } from '../helpers/apps.ts';
import { type TempDir, tempDir } from '../helpers/temp.ts';
import { until } from '../helpers/until.ts';
import { BIN, direct, type Run, type WrapOptions, wrap } from '../helpers/wrap.ts';

const WRITER = fileURLToPath(new URL('../fixtures/apps/outlives-launcher.pl', import.meta.url));
const NUMBERS = Array.from({ length: 700_000 }, (_, index) => `${index + 1}\n`).join('');

/** Ends with 5 once DIR/end exists, and leaves its child running. */
const LAUNCHER = 'perl "$@" & while [ ! -e "$2/end" ]; do sleep 0.01; done; exit 5';

const OPTIONS = ['--log-level', 'error', '--stdout', '^READY'];

function start(dir: TempDir, options: WrapOptions & { mode?: string; options?: readonly string[] } = {}): Run {
  const { mode = '', options: more = [], ...rest } = options;
  return wrap([...OPTIONS, ...more, '--', ...sh(LAUNCHER, WRITER, dir.path, mode)], rest);
}

const tell = (dir: TempDir, what: 'go' | 'end') => writeFileSync(dir.file(what), '');

/** The writer's report on its own writes. */
const result = (dir: TempDir) =>
  until('the writer to be done', () => existsSync(dir.file('result')) && readFileSync(dir.file('result'), 'utf8'));

const UNDER: [string, readonly string[]][] = [
  ['a socket', []],
  ['a pipe', sh('"$@" | cat; exit 5')],
  ['a file', sh('"$@" >"$DIR/out"; code=$?; until [ -e "$DIR/result" ]; do sleep 0.01; done; exit $code')],
];

describe.each(['after cat took over', 'across the switch'])('output written %s arrives once and in order', (when) => {
  test.each(UNDER)('to %s', async (_, under) => {
    using dir = tempDir();
    await using run = start(dir, { under, env: { DIR: dir.path } });
    const out = () => (existsSync(dir.file('out')) ? readFileSync(dir.file('out'), 'utf8') : run.stdout.text);
    await until('READY', () => out().startsWith('READY\n'));
    if (when === 'across the switch') {
      tell(dir, 'go');
      await until('the writer to be at it', () => out().length > 100_000);
      tell(dir, 'end');
    } else {
      tell(dir, 'end');
      if (under.length === 0) expect(await run.exit).toEqual({ code: 5 });
      tell(dir, 'go');
    }
    expect(await run.closed).toEqual({ code: 5 });
    expect(await result(dir)).toBe('all');
    await until('the end', () => out().length >= NUMBERS.length + 6);
    expect(out() === `READY\n${NUMBERS}`).toBe(true);
  });

  test('while a probe still watches the stream', async () => {
    using dir = tempDir();
    await using run = start(dir, { options: ['--stdout', '^never'] });
    await run.until('stdout', 'READY');
    if (when === 'across the switch') {
      tell(dir, 'go');
      await until('the writer to be at it', () => run.stdout.text.length > 100_000);
      tell(dir, 'end');
    } else {
      tell(dir, 'end');
      expect(await run.exit).toEqual({ code: 5 });
      tell(dir, 'go');
    }
    expect(await run.closed).toEqual({ code: 5 });
    expect(await result(dir)).toBe('all');
    expect(run.stdout.text === `READY\n${NUMBERS}`).toBe(true);
  });

  test("to a socket that is also stderr, made non-blocking by the app, as it can with the journal's", async () => {
    using dir = tempDir();
    await using run = start(dir, { under: sh('exec "$@" 2>&1'), mode: 'nonblocking' });
    await run.until('stdout', 'READY');
    // the socket has no room for all of it
    run.process.stdout?.pause();
    if (when === 'across the switch') tell(dir, 'go');
    tell(dir, 'end');
    if (when !== 'across the switch') {
      expect(await run.exit).toEqual({ code: 5 });
      tell(dir, 'go');
    }
    run.process.stdout?.resume();
    expect(await run.closed).toEqual({ code: 5 });
    expect(await result(dir)).toBe('all');
    // the log is there too
    const app = run.stdout.text.replaceAll(/^\{.*\}\n/gm, '');
    expect(app === `READY\n${NUMBERS}`).toBe(true);
  });
});

test('a signal for the whole unit may hit the new reader at its start: then another one starts', async () => {
  using dir = tempDir();
  await using run = start(dir);
  await run.until('stdout', 'READY');
  const sent = new Set<number>();
  const over = run.exit.then(() => true);
  tell(dir, 'end');
  await until('three that start', async () => {
    for (const pid of childrenOf(run.process.pid as number)) {
      if (sent.has(pid) || !read(`/proc/${pid}/cmdline`).includes('\0-e\0')) continue;
      process.kill(pid, 'SIGTERM');
      sent.add(pid);
    }
    // one of them may have read further than it reported
    return sent.size >= 3 || Promise.race([over, false]);
  });
  expect(sent.size).toBeGreaterThan(0);
  tell(dir, 'go');
  expect(await run.closed).toEqual({ code: 5 });
  expect(await result(dir)).toBe('all');
  expect(run.stdout.text === `READY\n${NUMBERS}`).toBe(true);
});

test('a full disk does not stop the writer', async () => {
  using dir = tempDir();
  await using run = direct(sh('exec "$@" >/dev/full', ...wrapped(dir)));
  tell(dir, 'end');
  expect(await run.exit).toEqual({ code: 5 });
  tell(dir, 'go');
  expect(await result(dir)).toBe('all');
});

test.each(['a socket', 'a pipe'])(
  'a reader of %s that closes is a failed write, as without the wrapper',
  async (to) => {
    using dir = tempDir();
    // head ends after the first line
    await using run = to === 'a pipe' ? direct(sh('"$@" | head -n 1; exit 5', ...wrapped(dir))) : start(dir);
    await run.until('stdout', 'READY');
    tell(dir, 'end');
    if (to === 'a socket') expect(await run.exit).toEqual({ code: 5 });
    run.process.stdout?.destroy();
    tell(dir, 'go');
    expect(await result(dir)).toMatch(/^(Broken pipe|Connection reset by peer)$/);
  },
);

test('a stalled reader blocks the writer, and nothing is lost', async () => {
  using dir = tempDir();
  await using run = start(dir);
  await run.until('stdout', 'READY');
  tell(dir, 'end');
  expect(await run.exit).toEqual({ code: 5 });
  run.process.stdout?.pause();
  tell(dir, 'go');
  let [last, since] = [0, 0];
  await until('the writer to be blocked', () => {
    const written = Math.max(0, ...run.pids().map(writtenBy));
    since = written === last ? since + 1 : 0;
    last = written;
    return since >= 40 && last > 100_000;
  });
  expect(existsSync(dir.file('result'))).toBe(false);
  run.process.stdout?.resume();
  expect(await run.closed).toEqual({ code: 5 });
  expect(run.stdout.text === `READY\n${NUMBERS}`).toBe(true);
});

const read = (path: string) => orElse(() => readFileSync(path, 'utf8'), '');

const childrenOf = (pid: number) =>
  orElse(() => readdirSync(`/proc/${pid}/task`), [])
    .flatMap((task) => read(`/proc/${pid}/task/${task}/children`).split(' '))
    .filter(Boolean)
    .map(Number);

/** Bytes, over its whole life (proc(5)). */
function writtenBy(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

function wrapped(dir: TempDir): string[] {
  return [NODE, BIN, ...OPTIONS, '--', ...sh(LAUNCHER, WRITER, dir.path, '')];
}
