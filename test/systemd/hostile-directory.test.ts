/** Promise: a directory that another user can change leads no file of the wrapper elsewhere, and costs no core file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { type TestSystemd, until } from '../helpers/systemd/private-systemd.js';
import { Service } from './service.ts';

/** Whoever attacks root. */
const OTHER = 1000;

/** Whoever attacks both. */
const THIRD = 4321;

/** How often a unit is started under attack: who replaces what has to be fast. */
const STARTS = 5;

const SECRET = 'secret';

/** A directory and a file in it that are root's, and what both were. */
function makeVictim(systemd: TestSystemd) {
  const dir = systemd.makeDir();
  const file = `${dir}/core`;
  writeFileSync(file, SECRET, { mode: 0o600 });
  return { dir, file };
}

function expectUntouched({ dir, file }: ReturnType<typeof makeVictim>): void {
  expect(readFileSync(file, 'utf8')).toBe(SECRET);
  expect([statSync(file).mode & 0o777, statSync(file).uid]).toEqual([0o600, 0]);
  expect(readdirSync(dir)).toEqual(['core']);
}

const HOSTILE: readonly [string, (path: string) => void][] = [
  ["another user's", (path) => chownSync(path, OTHER, OTHER)],
  ['0777 without sticky bit', (path) => chmodSync(path, 0o777)],
];

/** What belongs to root in it: nothing of the wrapper's may. */
const roots = (dir: string) => readdirSync(dir).filter((name) => lstatSync(`${dir}/${name}`).uid === 0);

/** takes-over.pl at work in that directory. */
async function attack(dir: string, victim: string): Promise<AsyncDisposable> {
  // by its text, as the file may be in a directory that is closed to others
  const code = readFileSync(new URL('../fixtures/systemd/takes-over.pl', import.meta.url), 'utf8');
  const become = ['--reuid', `${OTHER}`, '--regid', `${OTHER}`, '--clear-groups'];
  const attacker = spawn('setpriv', [...become, 'perl', '-e', code, dir, 'sd-ready-wrap-', victim], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(attacker.stdout, 'data');
  // it does what it is here for
  const prey = mkdtempSync(`${dir}/sd-ready-wrap-`);
  await until('the attacker to have it', () => lstatSync(prey).uid === OTHER);
  for (const name of roots(dir)) rmdirSync(`${dir}/${name}`);
  return {
    async [Symbol.asyncDispose]() {
      expect(attacker.exitCode).toBeNull();
      const gone = once(attacker, 'exit');
      attacker.stdin.end();
      await gone;
    },
  };
}

/** The name of the directory for the wrapper's own core where the app dumps its in `dir`. */
function coreName(uid: number, dir: string): string {
  const { dev, ino } = statSync(dir);
  return `sd-ready-wrap-core-${uid}-${dev}-${ino}`;
}

/** Elsewhere a program takes the cores, or each has a name of its own (core(5)). */
const SHARES_NAME =
  readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim() === 'core' &&
  readFileSync('/proc/sys/kernel/core_uses_pid', 'utf8').trim() === '0';

/**
 * Of a unit whose app dumps core in `work`, with memory of its own in it, and has the environment of a system service.
 * @returns how the unit ended
 */
async function dumpCore(systemd: TestSystemd, tmp: string, work: string): Promise<string[]> {
  writeFileSync(`${work}/dies.pl`, `my $mark = join '-', 'the', 'app', 'itself'; kill 'SEGV', $$; sleep 9;\n`);
  const service = await Service.write(systemd, {
    probe: '--delay 1h',
    command: `/usr/bin/perl ${work}/dies.pl`,
    lines: ['LimitCORE=infinity', `WorkingDirectory=${work}`, `Environment=TMPDIR=${tmp} XDG_RUNTIME_DIR=`],
  });
  await service.systemctl('start');
  return service.results();
}

const isAppsCore = (file: string) => readFileSync(file).includes('the-app-itself');

describeSystemd('a directory that others can change, for root', ['system'], (systemd) => {
  describe.each(HOSTILE)('%s', (_, spoil) => {
    function scene() {
      const tmp = systemd().makeDir();
      spoil(tmp);
      return { tmp, victim: makeVictim(systemd()) };
    }

    test('--notify: one line and no socket', async () => {
      const { tmp, victim } = scene();
      const lines = [`Environment=TMPDIR=${tmp}`];
      const service = await Service.write(systemd(), { probe: '--notify --timeout 9s', lines });
      {
        await using _attacker = await attack(tmp, victim.file);
        for (let n = 1; n <= STARTS; n += 1) {
          expect((await service.systemctl('start')).code).not.toBe(0);
          expect(await service.results(n)).toEqual(Array(n).fill('exit-code exited 125'));
        }
      }
      const said = service.stderr.split('\n');
      expect(said).toHaveLength(STARTS);
      for (const line of said) expect(line).toMatch(/not safe for root: .*; set RuntimeDirectory= in the unit/);
      expect(service.story).toEqual([]);
      expectUntouched(victim);
      expect(roots(tmp)).toEqual([]);
    });

    test.each([
      ['preload', []],
      // which has it usually
      ['file', ['TemporaryFileSystem=/dev/shm:ro']],
    ])('--watchdog loop: process instead, with a warning, for want of a place for the %s', async (what, more) => {
      const { tmp, victim } = scene();
      const lines = ['WatchdogSec=60', `Environment=TMPDIR=${tmp}`, ...more];
      const service = await Service.write(systemd(), { options: '--watchdog loop', lines });
      {
        await using _attacker = await attack(tmp, victim.file);
        for (let n = 1; n <= STARTS; n += 1) {
          await service.startReady();
          await service.systemctl('stop');
        }
      }
      const warning = new RegExp(
        `--watchdog loop: cannot create ` +
          `${what === 'preload' ? 'the preload file' : 'a file for it'} .*[ (]${tmp}: not safe for root: .*; ` +
          `using --watchdog process`,
        'g',
      );
      expect(service.stderr.match(warning), service.stderr).toHaveLength(STARTS);
      expectUntouched(victim);
      expect(roots(tmp)).toEqual([]);
    });

    test('a core: the app has its own, the wrapper leaves none', async () => {
      const { tmp, victim } = scene();
      const work = systemd().makeDir();
      const taken = `${tmp}/${coreName(0, work)}`;
      symlinkSync(victim.dir, taken);
      lchownSync(taken, OTHER, OTHER);
      {
        await using _attacker = await attack(tmp, victim.file);
        // and so systemd sees none, where they share a name
        const how = SHARES_NAME ? 'signal killed SEGV' : 'core-dump dumped SEGV';
        expect(await dumpCore(systemd(), tmp, work)).toEqual([how]);
      }
      expectUntouched(victim);
      expect(roots(tmp)).toEqual([]);
      if (SHARES_NAME) expect(isAppsCore(`${work}/core`)).toBe(true);
    });
  });
});

describeSystemd('a directory as /tmp', ['user-1000', 'system'], (systemd) => {
  function sticky() {
    const tmp = systemd().makeDir();
    chownSync(tmp, 0, 0);
    chmodSync(tmp, 0o1777);
    const work = systemd().makeDir();
    return { tmp, work, taken: `${tmp}/${coreName(systemd().uid, work)}` };
  }

  test.each<[string, (taken: string, work: string) => void]>([
    ['a directory', (taken) => mkdirSync(taken)],
    ['a directory for all', (taken) => mkdirSync(taken) === undefined && chmodSync(taken, 0o777)],
    ["a link to the app's directory", (taken, work) => symlinkSync(work, taken)],
    ['a file', (taken) => writeFileSync(taken, '')],
  ])("where another user has taken the name for the wrapper's core, as %s: the app's is there", async (_, take) => {
    const { tmp, work, taken } = sticky();
    take(taken, work);
    lchownSync(taken, THIRD, THIRD);
    expect(await dumpCore(systemd(), tmp, work)).toEqual(['core-dump dumped SEGV']);
    if (SHARES_NAME) expect(isAppsCore(`${work}/core`)).toBe(true);
    if (lstatSync(taken).isDirectory()) expect(readdirSync(taken)).toEqual([]);
  });
});

describeSystemd('a TMPDIR of its own', ['user-1000'], (systemd) => {
  const own = () => {
    const tmp = systemd().makeDir();
    return { tmp, lines: [`Environment=TMPDIR=${tmp} XDG_RUNTIME_DIR=`] };
  };

  test('has the socket of --notify and the preload of --watchdog loop, and neither after a stop', async () => {
    const { tmp, lines } = own();
    const service = await Service.write(systemd(), {
      probe: '--notify',
      options: '--watchdog loop',
      command: `${systemd().node} ${systemd().repo}/test/fixtures/systemd/says-ready.mjs`,
      lines: [...lines, 'WatchdogSec=60'],
    });
    await service.startReady();
    expect(readdirSync(tmp)).toHaveLength(2);
    expect(service.stderr).not.toMatch(/using --watchdog process/);
    await service.systemctl('stop');
    expect(readdirSync(tmp)).toEqual([]);
  });

  test("has the wrapper's core, and not the app's", async () => {
    const { tmp } = own();
    const work = systemd().makeDir();
    expect(await dumpCore(systemd(), tmp, work)).toEqual(['core-dump dumped SEGV']);
    if (!SHARES_NAME) return;
    expect(isAppsCore(`${work}/core`)).toBe(true);
    const core = `${tmp}/${coreName(systemd().uid, work)}/core`;
    expect(existsSync(core)).toBe(true);
    expect(isAppsCore(core)).toBe(false);
  });
});
