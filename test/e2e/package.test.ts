/** Promise: installs and runs without a compiler, from the tarball that is published and from the Debian package. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NODE, sh } from '../helpers/apps.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { type TempDir, tempDir } from '../helpers/temp.ts';
import { Run } from '../helpers/wrap.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const OPENS = join(REPOSITORY, 'test/fixtures/opens-files.pl');

let dir: TempDir;
let tarball: string;

beforeAll(() => {
  dir = tempDir();
  // the build of this run, as a build of its own would pull the files away from under other tests
  const packed = run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', dir.path], REPOSITORY);
  tarball = dir.file(packed.trim());
});
afterAll(() => dir[Symbol.dispose]());

function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** A directory with these programs and no other: no compiler, no make, no python. */
function pathWith(...programs: string[]): string {
  const directory = dir.file(`path-${readdirSync(dir.path).length}`);
  mkdirSync(directory);
  for (const name of programs) {
    const found = (process.env['PATH'] ?? '').split(delimiter).find((each) => existsSync(join(each, name)));
    if (!found) throw new Error(`no ${name} here`);
    symlinkSync(realpathSync(join(found, name)), join(directory, name));
  }
  symlinkSync(NODE, join(directory, 'node'));
  return directory;
}

describe('the tarball', () => {
  test('holds what it needs and no more, in less than 400 kB', () => {
    const files = run('tar', ['-tzf', tarball], dir.path).trim().split('\n');
    const wanted =
      /^package\/(package\.json|README\.md|CHANGELOG\.md|LICENSE|bin\/sd-ready-wrap\.cjs|dist\/\S+|systemd-units\/\S+)$/;
    expect(files.filter((file) => !wanted.test(file))).toEqual([]);
    expect(files.filter((file) => file.startsWith('package/dist/')).sort()).toEqual(
      ['LICENSES.txt', 'attend.cjs', 'main.cjs'].map((name) => `package/dist/${name}`),
    );
    expect(statSync(tarball).size).toBeLessThan(400_000);
  });

  test('carries the licence of all that is bundled', () => {
    const licences = readFileSync(join(REPOSITORY, 'dist/LICENSES.txt'), 'utf8');
    for (const name of ['commander', 'execa', 'pino', 'sonic-boom'])
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
  });

  describe.each([
    ['with all', []],
    ['without scripts', ['--ignore-scripts']],
    ['without optional dependencies', ['--omit=optional']],
  ])('npm install --global %s', (_, flags) => {
    test('needs no compiler, and runs by what there is', async () => {
      const prefix = dir.file(`prefix-${readdirSync(dir.path).length}`);
      const PATH = pathWith('npm', 'sh', 'env', 'tar', 'gzip', 'uname');
      const env = { PATH, HOME: dir.path, npm_config_cache: run('npm', ['config', 'get', 'cache'], dir.path).trim() };
      const registry = run('npm', ['config', 'get', 'registry'], dir.path).trim();
      const install = ['install', '--global', '--prefix', prefix, '--registry', registry, '--no-audit', '--no-fund'];
      run('npm', [...install, ...flags, tarball], dir.path, { ...env, ...certificates() });
      const bin = join(prefix, 'bin/sd-ready-wrap');
      const runs = { PATH: `${PATH}:${dirname(NODE)}:/usr/bin:/bin` };

      await using receiver = await NotifyReceiver.start();
      const args = ['--log-level', 'debug', '--delay', '1ms', '--', ...sh('read -r line; exit 3')];
      const notify = { ...runs, NOTIFY_SOCKET: receiver.path };
      const bare = flags.includes('--omit=optional');
      await using byAddon = new Run(bin, args, { env: notify });
      if (bare) {
        expect(await byAddon.closed).toEqual({ code: 125 });
        expect(byAddon.stderr.text).toMatch(
          /^sd-ready-wrap: NOTIFY_SOCKET: no way to send a datagram .*OpenFile=.*npm install koffi.*\n$/,
        );
      } else {
        await receiver.untilReady();
        expect((await byAddon.logged('transport')).msg).toBe('notify socket by koffi');
        byAddon.tell('');
        expect(await byAddon.closed).toEqual({ code: 3 });
      }

      await using second = await NotifyReceiver.start();
      await using byFile = new Run('perl', [OPENS, `${second.path}:notify`, '--', bin, ...args], {
        env: { ...runs, NOTIFY_SOCKET: second.path },
      });
      await second.untilReady();
      byFile.tell('');
      expect(await byFile.closed).toEqual({ code: 3 });
    });
  });
});

/** What npm needs to trust a registry, if anything. */
function certificates(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && /^(NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|https?_proxy|no_proxy)$/i.test(entry[0]),
    ),
  );
}
