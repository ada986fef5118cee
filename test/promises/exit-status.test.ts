/** The wrapper ends as the app ended, and has four codes of its own. */
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { freePort, node, wrap } from './support/wrap.ts';

const SIGNALS = [
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGABRT',
  'SIGSEGV',
  'SIGBUS',
  'SIGILL',
  'SIGFPE',
  'SIGTRAP',
  'SIGSYS',
  'SIGKILL',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGPWR',
  'SIGIO',
  'SIGSTKFLT',
] as const;

/** Calls `run` for each, a few at a time. */
async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) await run(item);
    }),
  );
}

describe("the app's own end", () => {
  test('every code from 0 to 255, before it was ready', async () => {
    const codes = Array.from({ length: 256 }, (_, code) => code);
    await inParallel(codes, async (code) => {
      await using run = wrap(['--stdout', 'never', '--', 'sh', '-c', `exit ${code}`]);
      expect(await run.exit).toEqual({ code, signal: null });
    });
  });

  test.each([0, 1, 3, 124, 125, 127, 255])('code %i after it was ready', async (code) => {
    await using run = wrap(['--stdout', 'running', '--', ...node('exits-with', String(code), 'told')]);
    await run.shows('ready after');
    run.child.stdin.write('go\n');
    expect(await run.exit).toEqual({ code, signal: null });
  });

  test('every signal that Node can name is raised again, before and after it was ready', async () => {
    await inParallel(SIGNALS, async (signal) => {
      await using before = wrap(['--stdout', 'never', '--', ...node('dies-of', signal)]);
      expect(await before.exit).toEqual({ code: null, signal });
      await using after = wrap(['--stdout', 'running', '--', ...node('dies-of', signal, 'told')]);
      await after.shows('ready after');
      after.child.stdin.write('go\n');
      expect(await after.exit).toEqual({ code: null, signal });
    });
  });

  test('is not delayed by a grandchild that holds the output open, and nothing written before is lost', async () => {
    const started = performance.now();
    await using run = wrap(['--stdout', 'never', '--', 'sh', '-c', 'sleep 20 & echo last words; exit 5']);
    // the grandchild holds the log's stderr open too, so `close` would wait for it: `exit` is what counts
    const code = await new Promise((resolve) => run.child.once('exit', resolve));
    expect(code).toBe(5);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(run.stdout().toString()).toBe('last words\n');
  });
});

describe("the wrapper's own codes", () => {
  test('124: not ready within --timeout', async () => {
    await using run = wrap(['--tcp', String(await freePort()), '--timeout', '200ms', '--', 'sleep', '60']);
    expect(await run.exit).toEqual({ code: 124, signal: null });
  });

  test('125: bad usage', async () => {
    await using run = wrap(['--tcp', '0', '--', 'true']);
    expect(await run.exit).toEqual({ code: 125, signal: null });
  });

  test.each([
    [127, 'a command that is not there', () => '/nonexistent/program'],
    [127, 'a name that is on no path', () => 'no-such-program-anywhere'],
    [126, 'a directory', () => tmpdir()],
    [126, 'a file without the x permission', () => script(0o644, '#!/bin/sh\n')],
    [127, 'a script whose interpreter is not there', () => script(0o755, '#!/nonexistent/interpreter\n')],
  ])('%i: %s', async (code, _, command) => {
    await using run = wrap(['--stdout', 'x', '--', command()]);
    expect(await run.exit).toEqual({ code, signal: null });
    expect(run.stderr()).toMatch(/^sd-ready-wrap: cannot start .+\n$/);
  });
});

function script(mode: number, text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'script-')), 'script');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}
