/** Promise: it installs and runs without a compiler, from the published tarball and from the Debian package. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NODE, sh } from '../helpers/apps.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { type TempDir, tempDir } from '../helpers/temp.ts';
import { TRANSPORT } from '../helpers/transport.ts';
import { Run } from '../helpers/wrap.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const NAME = 'sd-ready-wrap';
const OPENS = join(REPOSITORY, 'test/fixtures/opens-files.pl');
/** The transport without a compiler. */
const PREBUILT = TRANSPORT === 'node:ffi' ? TRANSPORT : 'koffi';

let dir: TempDir;
let tarball: string;
/** npm's configuration of the user who runs the tests. */
let config: { readonly cache: string; readonly registry: string };

beforeAll(() => {
  dir = tempDir();
  // this run's build: a new one would remove the files that other tests use
  const packed = run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', dir.path], REPOSITORY);
  tarball = dir.file(packed.trim());
  config = JSON.parse(run('npm', ['config', 'list', '--json'], dir.path));
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
    const documents = String.raw`(README|CHANGELOG|SECURITY|docs/[\w-]+)\.md|LICENSE|man/sd-ready-wrap\.1`;
    const program = String.raw`package\.json|bin/sd-ready-wrap\.cjs|dist/\S+|systemd-units/\S+`;
    const wanted = new RegExp(`^package/(${documents}|${program})$`);
    expect(files.filter((file) => !wanted.test(file))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['package/man/sd-ready-wrap.1', 'package/docs/probes.md']));
    expect(files.filter((file) => file.startsWith('package/dist/')).sort()).toEqual(
      [
        ...[
          'LICENSES.txt',
          'attend.cjs',
          'client.cjs',
          'client.d.cts',
          'client.d.mts',
          'client.mjs',
          'commander.cjs',
          'execa.cjs',
          'loop-beat.cjs',
        ],
        ...['main.cjs', 'pino.cjs', 'sd-notify.cjs', 'sd-notify.d.cts', 'sd-notify.d.mts', 'sd-notify.mjs'],
        'take-sockets.cjs',
      ].map((name) => `package/dist/${name}`),
    );
    expect(statSync(tarball).size).toBeLessThan(400_000);
  });

  test('has the licences of all bundled packages', () => {
    const licences = readFileSync(join(REPOSITORY, 'dist/LICENSES.txt'), 'utf8');
    for (const name of ['commander', 'execa', 'pino', 'sonic-boom'])
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
  });

  // npm 11 installs optional dependencies globally whatever --omit says, so that case is local
  test.each([
    ['--global', ['--global', '--prefix', '.'], 'bin/sd-ready-wrap', true],
    ['--global --ignore-scripts', ['--global', '--prefix', '.', '--ignore-scripts'], 'bin/sd-ready-wrap', true],
    ['--omit=optional', ['--omit=optional'], 'node_modules/.bin/sd-ready-wrap', false],
  ])(
    'npm install %s needs no compiler, and the result runs with the available transport',
    async (_, flags, path, koffi) => {
      const place = dir.file(`place-${readdirSync(dir.path).length}`);
      mkdirSync(place);
      writeFileSync(join(place, 'package.json'), '{}');
      const PATH = pathWith('npm', 'sh', 'env', 'tar', 'gzip', 'uname');
      const env = { PATH, HOME: dir.path, npm_config_cache: config.cache, ...certificates() };
      const quiet = ['--no-audit', '--no-fund', '--registry', config.registry];
      run('npm', ['install', ...quiet, ...flags, tarball], place, env);
      const bin = join(place, path);
      // bundled packages are not installed as well
      if (!koffi) expect(readdirSync(join(place, 'node_modules')).filter((name) => /^\w/.test(name))).toEqual([NAME]);
      const runs = { PATH: `${PATH}:${dirname(NODE)}:/usr/bin:/bin` };

      await using receiver = await NotifyReceiver.start();
      const args = ['--log-level', 'debug', '--delay', '1ms', '--', ...sh('read -r line; exit 3')];
      const notify = { ...runs, NOTIFY_SOCKET: receiver.path };
      await using byAddon = new Run(bin, args, { env: notify });
      if (!koffi && PREBUILT === 'koffi') {
        expect(await byAddon.closed).toEqual({ code: 125 });
        expect(byAddon.stderr.text).toMatch(
          /^sd-ready-wrap: NOTIFY_SOCKET: cannot send datagrams .*OpenFile=.*npm install koffi.*\n$/,
        );
      } else {
        await receiver.untilReady();
        expect((await byAddon.logged('transport')).msg).toBe(`notify socket: sending with ${PREBUILT}`);
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
    },
  );
});

describe('the Debian package', () => {
  let deb: string;
  let root: string;

  beforeAll(() => {
    // built from a copy, because it builds the bundle too
    const copy = dir.file('copy');
    const parts = [
      'package.json',
      'package-lock.json',
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'SECURITY.md',
      'tsconfig.json',
      'build.js',
    ];
    for (const part of [...parts, 'bin', 'src', 'debian', 'docs', 'man', 'systemd-units']) {
      cpSync(join(REPOSITORY, part), join(copy, part), { recursive: true });
    }
    symlinkSync(realpathSync(join(REPOSITORY, 'node_modules')), join(copy, 'node_modules'));
    deb = run(NODE, ['debian/build.js'], copy).trim();
    root = dir.file('root');
    run('dpkg-deb', ['-x', deb, root], dir.path);
  });

  test('has a Debian package name, and depends on Node 20', () => {
    const [name, version, architecture, depends] = ['Package', 'Version', 'Architecture', 'Depends'].map((field) =>
      run('dpkg-deb', ['-f', deb, field], dir.path).trim(),
    );
    expect(basename(deb)).toBe(`${name}_${version}_${architecture}.deb`);
    expect(name).toBe('sd-ready-wrap');
    expect(depends).toContain('nodejs (>= 20)');
  });

  // npm run release:check allows no warning either
  test('passes lintian without errors', () => {
    const { stdout } = spawnSync('lintian', ['--allow-root', '--fail-on', 'none', deb], { encoding: 'utf8' });
    expect(stdout.split('\n').filter((line) => line.startsWith('E:'))).toEqual([]);
  });

  test('runs from its installed path with a bundled transport', async () => {
    await using receiver = await NotifyReceiver.start();
    const args = ['--log-level', 'debug', '--delay', '1ms', '--', ...sh('read -r line; exit 3')];
    const PATH = `${dirname(NODE)}:/usr/bin:/bin`;
    await using run = new Run(join(root, 'usr/bin/sd-ready-wrap'), args, {
      env: { PATH, NOTIFY_SOCKET: receiver.path },
    });
    await receiver.untilReady();
    expect((await run.logged('transport')).msg).toBe(`notify socket: sending with ${PREBUILT}`);
    run.tell('');
    expect(await run.closed).toEqual({ code: 3 });
  });

  test('contains a man page, completions, the examples and the licences', () => {
    const man = run('sh', ['-c', `gzip -dc ${root}/usr/share/man/man1/sd-ready-wrap.1.gz`], dir.path);
    for (const option of ['tcp', 'notify', 'forward\\-signals', 'log\\-level'])
      expect(man).toContain(`\\-\\-${option}`);
    for (const [shell, place] of [
      ['bash', 'bash-completion/completions/sd-ready-wrap'],
      ['zsh', 'zsh/vendor-completions/_sd-ready-wrap'],
      ['fish', 'fish/vendor_completions.d/sd-ready-wrap.fish'],
    ]) {
      expect(readFileSync(join(root, 'usr/share', place as string), 'utf8')).toContain(`completion of sd-ready-wrap`);
      run(shell as string, ['-n', join(root, 'usr/share', place as string)], dir.path);
    }
    const doc = join(root, 'usr/share/doc/sd-ready-wrap');
    expect(run('gzip', ['-dc', join(doc, 'LICENSES.txt.gz')], dir.path)).toMatch(/^execa \d/m);
    expect(readdirSync(join(doc, 'examples'))).toContain('hardened.service');
    expect(readdirSync(join(doc, 'docs'))).toContain('troubleshooting.md');
    expect(readdirSync(doc).sort()).toEqual([
      ...['CHANGELOG.md.gz', 'LICENSES.txt.gz', 'README.md.gz', 'SECURITY.md.gz', 'changelog.gz', 'copyright'],
      ...['docs', 'examples'],
    ]);
  });
});

/** What npm needs to trust the registry, if anything. */
function certificates(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && /^(NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|https?_proxy|no_proxy)$/i.test(entry[0]),
    ),
  );
}
