/** The fate of the app when the wrapper is killed by SIGKILL or by the OOM killer. */
import { expect, test } from 'vitest';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { type TestSystemd, until } from '../helpers/systemd/private-systemd.js';
import { Service } from './service.ts';

async function killed(systemd: TestSystemd, ...lines: string[]): Promise<Service> {
  // no connection: a process killed with an unread answer resets it, and the app of these tests ends when that happens
  const service = await (await Service.write(systemd, { lines, probe: '--listen any' })).startReady();
  const main = await service.show('MainPID');
  await systemd.run('kill', ['-KILL', main]);
  await until('systemd to have seen it', async () => (await service.show('MainPID')) !== main);
  return service;
}

async function processes(service: Service): Promise<string[]> {
  const group = await service.show('ControlGroup');
  const { stdout } = await service.systemd.run('cat', [`/sys/fs/cgroup${group}/cgroup.procs`]);
  return stdout.split('\n').filter(Boolean);
}

describeSystemd('the wrapper is killed', EVERYWHERE, (systemd) => {
  test('KillMode=control-group: the app is stopped gracefully, and the unit failed', async () => {
    const service = await killed(systemd(), 'KillMode=control-group');
    expect(await service.results()).toEqual(['signal killed KILL']);
    expect(service.story).toEqual(['started', 'ready', 'SIGTERM', 'graceful-end']);
  });

  test('KillMode=mixed: the app is killed, and the unit failed', async () => {
    const service = await killed(systemd(), 'KillMode=mixed');
    expect(await service.results()).toEqual(['signal killed KILL']);
    expect(service.story).toEqual(['started', 'ready']);
  });

  test('Restart= restarts both, and the new app finds the port free', async () => {
    const service = await killed(systemd(), 'KillMode=mixed', 'Restart=on-failure', 'RestartSec=0');
    await service.event('ready', 2);
    await until('the unit to be active again', async () => (await service.show('ActiveState')) === 'active');
    await service.systemctl('stop');
    expect(service.story).toEqual(['started', 'ready', 'started', 'ready', 'SIGTERM', 'graceful-end']);
  });

  test('KillMode=process: the app lives on, as docs/signals.md says', async () => {
    const service = await killed(systemd(), 'KillMode=process');
    expect(await service.results()).toEqual(['signal killed KILL']);
    expect(service.story).toEqual(['started', 'ready']);
    const [app] = service.events.map(({ pid }) => pid);
    await until('nothing else of ours to be left', async () => (await processes(service)).join() === app);
    const { code } = await systemd().run('kill', ['-TERM', `${app}`]);
    expect(code).toBe(0);
    await service.event('graceful-end');
  });
});
