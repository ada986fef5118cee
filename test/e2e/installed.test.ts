/**
 * Promise: it starts by its own name, however it was installed: by a link, a shim or from PATH, by any shell. The app's
 * environment is then that of a direct start, to the byte, and the process is the one that was started.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { app, NODE, sh } from '../helpers/apps.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { type TempDir, tempDir } from '../helpers/temp.ts';
import { BIN, direct, Run } from '../helpers/wrap.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const READY_AT_ONCE = ['--delay', '1ms', '--log-level', 'error', '--'];
const PRINTS = ['cat', '/proc/self/environ'];
const PATH = process.env['PATH'] ?? '';

let dir: TempDir;
beforeAll(() => {
  dir = tempDir();
});
afterAll(() => dir[Symbol.dispose]());

function onPath(program: string): string | undefined {
  return PATH.split(delimiter)
    .map((directory) => join(directory, program))
    .find((file) => existsSync(file));
}

/** Its variables in order, without the test's mark. */
async function environmentOf(run: Run): Promise<readonly string[]> {
  expect(await run.closed).toEqual({ code: 0 });
  return run.stdout.text.split('\0').filter((entry) => !entry.startsWith('WRAP_TEST_RUN='));
}

describe.each(['dash', 'bash', 'busybox'].filter((shell) => onPath(shell)))('by %s', (shell) => {
  /** Invoked as sh, which makes bash and BusyBox behave as one. */
  const asSh = () => {
    const link = dir.file(`${shell}/sh`);
    if (existsSync(link)) return link;
    mkdirSync(dirname(link));
    symlinkSync(onPath(shell) as string, link);
    return link;
  };

  test.each<[string, Record<string, string>]>([
    ['PATH only', {}],
    [
      'names that are not identifiers, bash functions, unusual values',
      {
        ...{ 'a.b': 'c', '1': 'one', 'x y': 'z', é: 'ü', 'tail-': '=\n=', EMPTY: '', LINES: '\none\n\ntwo\n\n' },
        ...Object.fromEntries(
          ['base64', 'command', 'node', 'exec', '[', 'f'].map((name) => [`BASH_FUNC_${name}%%`, '() { echo no; }']),
        ),
        ...{ QUOTES: `'"\\$x\u0001` },
      },
    ],
    [
      'what shells set and obey',
      {
        ...{ PWD: '/nowhere', OLDPWD: '/gone', SHLVL: '7', _: 'x', IFS: 'x', PS4: '$(exit 1)', ENV: '/no/such/file' },
        ...{ BASH_ENV: '/no/such/file', SHELLOPTS: 'errexit:nounset:noglob' },
      },
    ],
    [
      "what the wrapper's Node does not get, and a lot of it",
      {
        ...{ NODE_OPTIONS: '--no-warnings', NODE_EXTRA_CA_CERTS: '/x', NODE_DEBUG: 'net' },
        ...{ PWD: '/proc/self/cwd', MUCH: 'x'.repeat(50_000), 'a.b': 'c' },
      },
    ],
    ['the same, empty', { NODE_OPTIONS: '', NODE_EXTRA_CA_CERTS: '', NODE_V8_COVERAGE: '', NODE_COMPILE_CACHE: '' }],
  ])('the environment is that of a direct start: %s', async (_, env) => {
    await using bare = direct(PRINTS, { env });
    await using run = new Run(asSh(), [BIN, ...READY_AT_ONCE, ...PRINTS], { env });
    const environment = await environmentOf(run);
    expect(environment).toEqual(await environmentOf(bare));
    expect(environment).toEqual(expect.arrayContaining(Object.entries(env).map((entry) => entry.join('='))));
    // it may end before it counts as ready: the only error of ours that is allowed
    expect(run.stderr.lines.length).toBe(run.log.length);
  });

  test('too much for one variable: all that the shell passes on', async () => {
    const env = { ...{ MUCH: 'x'.repeat(120_000) }, NODE_OPTIONS: '--no-warnings', NODE_EXTRA_CA_CERTS: '' };
    await using run = new Run(asSh(), [BIN, ...READY_AT_ONCE, ...PRINTS], { env });
    expect(await environmentOf(run)).toEqual(
      expect.arrayContaining(Object.entries(env).map((entry) => entry.join('='))),
    );
  });

  test('works with closed standard streams', async () => {
    const words = [asSh(), BIN, ...READY_AT_ONCE, ...PRINTS];
    await using run = new Run(
      'sh',
      ['-c', 'file=$1; shift; exec env a.b=c "$@" <&- >"$file" 2>&-', 'sh', dir.file(shell + 1), ...words],
      {
        env: { 'a.b': 'c' },
      },
    );
    expect(await run.closed).toEqual({ code: 0 });
    expect(readFileSync(dir.file(shell + 1), 'utf8').split('\0')).toContain('a.b=c');
  });

  test('without node on PATH: one line', async () => {
    await using run = new Run(asSh(), [BIN, ...READY_AT_ONCE, 'true'], { env: { PATH: '/no/such' } });
    expect(await run.closed).toEqual({ code: 125 });
    expect(run.stderr.text).toMatch(/^sd-ready-wrap: no node on PATH=\/no\/such; .+\n$/);
  });

  test('does not run another base64 on PATH, as in node_modules/.bin', async () => {
    const first = dir.file(`${shell}/first`);
    mkdirSync(first);
    writeFileSync(join(first, 'base64'), '#!/bin/sh\necho usage: base64 FILE\n', { mode: 0o755 });
    symlinkSync(NODE, join(first, 'node'));
    const env = { PATH: first, NODE_OPTIONS: '--no-warnings', EMPTY: '', 'a.b': 'c' };
    const prints = [onPath('cat') as string, '/proc/self/environ'];
    await using run = new Run(asSh(), [BIN, ...READY_AT_ONCE, ...prints], { env });
    expect(await environmentOf(run)).toEqual(
      expect.arrayContaining(Object.entries(env).map((entry) => entry.join('='))),
    );
  });
});

describe('each way to call it', () => {
  const LINKS = ['link', 'link to a link', 'from PATH', 'a relative path'] as const;

  test.each(LINKS)('%s: the process is the one that was started, and systemd is notified', async (way) => {
    const bin = dir.file(`bin ${LINKS.indexOf(way)}`);
    mkdirSync(bin);
    symlinkSync(BIN, join(bin, 'first'));
    symlinkSync('first', join(bin, 'sd-ready-wrap'));
    const program = {
      link: join(bin, 'first'),
      'link to a link': join(bin, 'sd-ready-wrap'),
      'from PATH': 'sd-ready-wrap',
      'a relative path': './sd-ready-wrap',
    }[way];
    await using receiver = await NotifyReceiver.start();
    const script = 'echo "$PPID"; read -r line; exit 3';
    await using run = new Run(program, ['--delay', '1ms', '--', ...sh(script)], {
      cwd: bin,
      env: { PATH: `${bin}:${PATH}`, NOTIFY_SOCKET: receiver.path },
    });
    await receiver.untilReady();
    await run.until('stdout', `${run.pid}\n`);
    run.tell('');
    expect(await run.closed).toEqual({ code: 3 });
  });
});

test("works by pnpm's shim as by npm's link", async () => {
  const pnpm = join(REPOSITORY, 'node_modules/pnpm/bin/pnpm.cjs');
  const place = dir.file('pnpm');
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{}');
  // this run's build: a new one would remove the files that other tests use
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', place];
  const tarball = join(place, output('npm', pack, REPOSITORY).trim());
  const { registry } = JSON.parse(output('npm', ['config', 'list', '--json'], place)) as { registry: string };
  const own = [`--store-dir=${dir.file('store')}`, `--registry=${registry}`, '--ignore-scripts', '--no-optional'];
  output(NODE, [pnpm, 'add', ...own, tarball], place);
  const shim = join(place, 'node_modules/.bin/sd-ready-wrap');
  expect(readFileSync(shim, 'utf8')).toMatch(/^#!\/bin\/sh\n(?:.*\n)*.*exec .*sh /);

  const env = { NODE_OPTIONS: '--no-deprecation', NODE_EXTRA_CA_CERTS: '', KEPT: '' };
  await using run = new Run(shim, [...READY_AT_ONCE, ...app('prints-env')], { env });
  expect(await run.closed).toEqual({ code: 0 });
  expect(JSON.parse(run.stdout.text)).toMatchObject(env);
  await using second = new Run(shim, [...READY_AT_ONCE, ...sh('echo "$PPID"; exit 7')], {});
  expect(await second.closed).toEqual({ code: 7 });
  expect(second.stdout.text).toBe(`${second.pid}\n`);
});

function output(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${basename(command)} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}
