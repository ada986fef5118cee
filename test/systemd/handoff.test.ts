/** Promise: `--handoff` makes the app the unit's main process, as if systemd had started it, and nothing else is left. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { type TestSystemd, until } from '../helpers/systemd/private-systemd.js';
import { Pair } from './pair.ts';
import { Service } from './service.ts';

const KILL_MODES = ['control-group', 'mixed', 'process'] as const;

/** Processes of the unit's cgroup. */
async function members(service: Service): Promise<string[]> {
  const cgroup = await service.show('ControlGroup');
  const { stdout } = await service.systemd.run('sh', ['-c', `cat /sys/fs/cgroup${cgroup}/cgroup.procs`]);
  return stdout.split('\n').filter(Boolean);
}

/** Ready, and the wrapper has left. */
async function handedOver(service: Service): Promise<string> {
  await service.startReady();
  const { pid } = await service.event('started');
  await until(`the app to be alone: ${service.stderr}`, async () => (await members(service)).join() === pid);
  expect(await service.show('MainPID')).toBe(pid);
  return pid;
}

describeSystemd('--handoff', EVERYWHERE, (systemd) => {
  describe.each(KILL_MODES)('KillMode=%s', (mode) => {
    test('the app is the main process and alone, a stop is graceful and one SIGTERM', async () => {
      const service = await Service.write(systemd(), { options: '--handoff', lines: [`KillMode=${mode}`] });
      const pid = await handedOver(service);
      expect(await service.show('StatusText')).toMatch(/^App ready after .*tcp/);
      expect(service.environment['ppid']).not.toBe(pid);
      expect((await service.systemctl('stop')).code).toBe(0);
      expect(service.story).toEqual(['started', 'ready', 'SIGTERM', 'graceful-end']);
      expect(await service.results()).toEqual(['success exited 0']);
    });
  });

  test('systemd takes the app for its own child', async () => {
    expect(await systemd().managerLog()).not.toMatch(/which is not our child/);
  });
});
