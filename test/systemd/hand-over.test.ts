/** Promise: cat, which relays a watched stream once the app is ready, outlives a stop and nothing else. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { type TestSystemd, until } from '../helpers/systemd/private-systemd.js';
import { Service } from './service.ts';

async function started(systemd: TestSystemd, mode: string): Promise<[Service, string]> {
  const output = `${systemd.makeDir()}/output`;
  const service = await Service.write(systemd, {
    probe: '--stdout READY',
    command: `/bin/sh ${systemd.repo}/test/fixtures/systemd/last-words.sh`,
    lines: [`KillMode=${mode}`, `StandardOutput=append:${output}`],
  });
  await service.startReady();
  await until('cat in the unit', async () => (await commands(service)).includes('cat'));
  return [service, output];
}

async function commands(service: Service): Promise<string[]> {
  const group = `/sys/fs/cgroup${await service.show('ControlGroup')}`;
  const { stdout } = await service.systemd.run('sh', [
    '-c',
    `for pid in $(cat ${group}/cgroup.procs); do cat /proc/$pid/comm; done`,
  ]);
  return stdout.split('\n').filter(Boolean);
}

const EXPECTED = ['READY', ...Array.from({ length: 20_000 }, (_, index) => `${index + 1}`), ''].join('\n');

describeSystemd('a stream relayed by cat', EVERYWHERE, (systemd) => {
  test.each(['control-group', 'mixed', 'process'])(
    "KillMode=%s: a stop leaves time for the app's last output",
    async (mode) => {
      const [service, output] = await started(systemd(), mode);
      await service.systemctl('stop');
      expect(await service.results()).toEqual(['success exited 0']);
      expect(existsSync(output) && readFileSync(output, 'utf8') === EXPECTED).toBe(true);
      await until('the unit to be empty', async () => (await service.show('ControlGroup')) === '');
    },
  );

  test('KillMode=process, and the wrapper killed: app and cat live on, and cat ends with the app', async () => {
    const [service, output] = await started(systemd(), 'process');
    const main = await service.show('MainPID');
    const group = `/sys/fs/cgroup${await service.show('ControlGroup')}`;
    await systemd().run('kill', ['-KILL', main]);
    await until('systemd to have seen it', async () => (await service.show('MainPID')) !== main);
    const { stdout } = await systemd().run('sh', [
      '-c',
      `grep -ls last-words $(sed 's:.*:/proc/&/cmdline:' ${group}/cgroup.procs)`,
    ]);
    const [, app] = /\/proc\/(\d+)/.exec(stdout) ?? [];
    await systemd().run('kill', ['-TERM', `${app}`]);
    await until('its last words', () => readFileSync(output, 'utf8') === EXPECTED);
    await until('the unit to be empty', async () => {
      const { stdout: left } = await systemd().run('sh', ['-c', `cat ${group}/cgroup.procs`]);
      return left.trim() === '';
    });
  });
});
