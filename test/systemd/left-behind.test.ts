/**
 * Promise: a watched stream has a reader until its end, even if the launcher of the app (npm, a shell) and the wrapper
 * end first. Without a reader the app would end by EPIPE in the middle of its own stop, while systemd reports success.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { type TestSystemd, until } from '../helpers/systemd/private-systemd.js';
import { testWhere } from '../helpers/untried.ts';
import { Service } from './service.ts';

const NUMBERS = ['up', ...Array.from({ length: 30_000 }, (_, index) => `${index + 1}`), ''].join('\n');

/** Like npm: it ends at SIGTERM at once, and the app handles its own SIGTERM. */
const LAUNCHER = `/bin/sh -c 'trap "exit 0" TERM; perl "$$1" "$$2" & wait' sh`;

const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

async function start(systemd: TestSystemd, given: { probe: string; command?: string; lines: readonly string[] }) {
  const dir = systemd.makeDir();
  const fixture = `${systemd.repo}/test/fixtures/systemd/saves-jobs.pl`;
  const service = await Service.write(systemd, {
    probe: given.probe,
    command: given.command ?? `${LAUNCHER} ${fixture} ${dir}`,
    lines: [...given.lines, `StandardOutput=append:${dir}/stdout`, `StandardError=append:${dir}/stderr`],
  });
  await service.startReady();
  return { service, dir };
}

const saved = (dir: string) => [1, 2, 3].filter((job) => existsSync(`${dir}/saved-${job}`));

/** Without the wrapper's own lines. */
const appLines = (text: string) =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('{'))
    .join('\n');

describeSystemd('an app that outlives its launcher', EVERYWHERE, (systemd) => {
  test.each(['--stdout ^up', '--stderr ^up', '--output ^up'])(
    '%s: the app saves its jobs and loses no line',
    async (probe) => {
      const { service, dir } = await start(systemd(), { probe, lines: ['KillMode=control-group'] });
      await service.systemctl('stop');
      await until('the unit to be empty', async () => (await service.show('ControlGroup')) === '');
      expect(saved(dir)).toEqual([1, 2, 3]);
      expect(read(`${dir}/stdout`) === NUMBERS).toBe(true);
      expect(appLines(read(`${dir}/stderr`)) === NUMBERS).toBe(true);
      expect(await service.results()).toEqual(['success exited 0']);
      expect(read(`${dir}/stderr`)).toMatch(/"msg":"sh -c exited with code 0; its children still run"/);
    },
  );

  test('a stop before it is ready: the stream is still watched', async () => {
    const { service, dir } = await start(systemd(), {
      probe: '--stdout ^never --stdout ^up --ready-when any --reload-timeout 5s',
      lines: ['KillMode=control-group'],
    });
    await service.systemctl('stop');
    await until('the unit to be empty', async () => (await service.show('ControlGroup')) === '');
    expect(saved(dir)).toEqual([1, 2, 3]);
    expect(read(`${dir}/stdout`) === NUMBERS).toBe(true);
  });

  test('KillMode=process: only the launcher is stopped, and the remaining processes can go on writing', async () => {
    const { service, dir } = await start(systemd(), {
      probe: '--stdout ^up',
      lines: ['KillMode=process'],
    });
    const group = `/sys/fs/cgroup${await service.show('ControlGroup')}`;
    await service.systemctl('stop');
    const left = async () => (await systemd().run('sh', ['-c', `cat ${group}/cgroup.procs`])).stdout.trim();
    expect(await left()).not.toBe('');
    await systemd().run('sh', ['-c', `grep -ls saves-jobs.pl /proc/[0-9]*/cmdline | cut -d/ -f3 | xargs kill -TERM`]);
    await until('what was left to end', async () => (await left()) === '');
    expect(saved(dir)).toEqual([1, 2, 3]);
    expect(read(`${dir}/stdout`) === NUMBERS).toBe(true);
  });

  test('KillMode=mixed: everything written before the launcher ended is there, in order', async () => {
    const { service, dir } = await start(systemd(), { probe: '--stdout ^up', lines: ['KillMode=mixed'] });
    await service.systemctl('stop');
    await until('the unit to be empty', async () => (await service.show('ControlGroup')) === '');
    expect(NUMBERS.startsWith(read(`${dir}/stdout`))).toBe(true);
  });

  test.each(['./start.sh', 'bash start.sh', "sh -c '. ./start.sh; true'"])(
    'the printed unit of %s: the app saves its jobs, 4 times of 4',
    async (line) => {
      const project = systemd().makeDir();
      const fixture = `${systemd().repo}/test/fixtures/systemd/saves-jobs.pl`;
      writeFileSync(`${project}/start.sh`, `#!/bin/bash\nperl ${fixture} .\necho done\n`, { mode: 0o755 });
      chmodSync(project, 0o777);
      const manager = systemd().mode === 'system' ? '' : '--user';
      const wrapper = `${systemd().node} ${systemd().repo}/bin/sd-ready-wrap.cjs --print-unit ${manager} --stdout ^up`;
      const printed = await systemd().run('sh', ['-c', `cd ${project} && ${wrapper} -- ${line}`]);
      expect(printed).toMatchObject({ code: 0, stderr: '' });
      systemd().writeUnit('launched.service', printed.stdout);
      await systemd().systemctl('daemon-reload');
      for (let n = 1; n <= 4; n += 1) {
        expect(await systemd().systemctl('start', 'launched.service')).toMatchObject({ code: 0, stderr: '' });
        expect(await systemd().systemctl('stop', 'launched.service')).toMatchObject({ code: 0 });
        await until('the unit to be empty', async () => {
          return (await systemd().show('launched.service', 'ControlGroup')) === '';
        });
        expect(saved(project)).toEqual([1, 2, 3]);
        for (const job of [1, 2, 3]) rmSync(`${project}/saved-${job}`);
      }
    },
  );

  testWhere(
    !process.env['PS_ROOT'],
    'trees of other releases have no npm',
    'npm start: the app saves its jobs',
    async () => {
      const project = `${systemd().makeDir()}/project`;
      mkdirSync(project);
      const fixture = `${systemd().repo}/test/fixtures/systemd/saves-jobs.pl`;
      writeFileSync(
        `${project}/package.json`,
        JSON.stringify({ scripts: { start: `exec perl ${fixture} "$SAVE_TO"` } }),
      );
      const npm = '/usr/bin/env npm --silent --no-update-notifier';
      const to = systemd().makeDir();
      const { service, dir } = await start(systemd(), {
        probe: '--stdout ^up',
        command: `${npm} start`,
        lines: [
          'KillMode=control-group',
          `WorkingDirectory=${project}`,
          `Environment=SAVE_TO=${to} HOME=${project} PATH=${process.env['PATH']}`,
        ],
      });
      await service.systemctl('stop');
      await until('the unit to be empty', async () => (await service.show('ControlGroup')) === '');
      expect(saved(to)).toEqual([1, 2, 3]);
      expect(read(`${dir}/stdout`) === NUMBERS).toBe(true);
    },
  );
});
