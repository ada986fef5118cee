/** What the app writes: all of it, in order, and no faster than its reader takes it. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from './support/until.ts';
import { BIN, node, start, wrap } from './support/wrap.ts';

const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const flood = (blocks: number) =>
  Buffer.from(Array.from({ length: 4096 * blocks }, (_, n) => `${String(n).padStart(15, '0')}\n`).join(''));

test.each([
  ['while it is scanned', 'never'],
  ['once ready', '^000000000000000$'],
])('64 MiB pass unaltered and in order, %s', async (_, regex) => {
  await using run = wrap(['--stdout', regex, '--', ...node('floods-stdout', '1024')]);
  expect(await run.exit).toEqual({ code: 0, signal: null });
  expect(sha(run.stdout())).toBe(sha(flood(1024)));
});

test('a reader that does not read blocks the app, and not the signals', async () => {
  await using run = wrap(['--stdout', 'never', '--', ...node('floods-stdout', '1024')]);
  run.child.stdout.pause();
  await run.appPid();
  run.child.kill('SIGTERM');
  await until('the death of the app', () => run.stderr().includes('was killed by SIGTERM'));
  expect(run.stderr()).not.toMatch('done');
  run.child.stdout.resume();
  expect(await run.exit).toEqual({ code: null, signal: 'SIGTERM' });
  // what it wrote before is all there, from the first line on
  expect(flood(1024).subarray(0, run.stdout().length).equals(run.stdout())).toBe(true);
});

test('a reader that goes away is an EPIPE for the app', async () => {
  await using run = wrap(['--stdout', 'never', '--', ...node('floods-stdout', '1024')]);
  run.child.stdout.once('data', () => run.child.stdout.destroy());
  expect(await run.exit).toEqual({ code: 32, signal: null });
});

test('stdin belongs to the app', async () => {
  await using run = wrap(['--stdout', 'never', '--', 'cat']);
  const sent = flood(16);
  run.child.stdin.end(sent);
  expect((await run.exit).code).toBe(0);
  expect(sha(run.stdout())).toBe(sha(sent));
});

describe('the flags of its descriptors are those of a direct run', () => {
  test.each<[string, string]>([
    ['pipes', 'COMMAND | cat >&2'],
    ['a pipe and files', 'COMMAND </dev/null >"$DIR/out" 2>"$DIR/err"'],
    ['one pipe for both', 'COMMAND 2>&1 | cat >&2'],
  ])('%s', async (_, line) => {
    const dir = mkdtempSync(join(tmpdir(), 'flags-'));
    const seen = async (name: string, prefix: string) => {
      const command = `${prefix} ${node('prints-descriptors', join(dir, name)).join(' ')}`;
      await using run = start('sh', ['-c', line.replace('COMMAND', command)], { DIR: dir });
      await run.exit;
      return JSON.parse(readFileSync(join(dir, name), 'utf8'));
    };
    const direct = await seen('direct', '');
    expect(await seen('wrapped', `${process.execPath} ${BIN} --tcp 1 --`)).toEqual(direct);
    // with a log probe on stderr, stdin and stdout stay as they are
    const watched = await seen('watched', `${process.execPath} ${BIN} --stderr x --`);
    expect(watched.slice(0, 2)).toEqual(direct.slice(0, 2));
  });
});
