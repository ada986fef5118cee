/** A manager that does not read for a while: READY=1 still arrives, once. */
import { expect, test } from 'vitest';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { until } from '../helpers/systemd/private-systemd.js';
import { Service } from './service.ts';

describeSystemd('a manager that is busy while the app starts', ['user-root', 'user-1000', 'system'], (systemd) => {
  test('sees READY=1 after it was stopped by SIGSTOP until the app was ready', async () => {
    const service = await Service.write(systemd());
    const start = service.systemctl('start');
    await service.event('started');
    await systemd().freeze();
    service.letGo();
    await until('the wrapper to have said it', () => service.stderr.includes('"event":"ready"'));
    await systemd().thaw();
    expect(await start).toMatchObject({ code: 0, stderr: '' });
    expect(await service.show('ActiveState')).toBe('active');
    await service.systemctl('stop');
    expect(service.story).toEqual(['started', 'ready', 'SIGTERM', 'graceful-end']);
  });

  test.each(['before', 'after'])('sees READY=1 if it re-executes repeatedly %s the app is ready', async (when) => {
    const service = await Service.write(systemd());
    const start = service.systemctl('start', '--no-block');
    await start;
    await service.event('started');
    const again = async () => expect(await systemd().systemctl('daemon-reexec')).toMatchObject({ code: 0 });
    if (when === 'before') await again();
    service.letGo();
    await Promise.all([again(), service.event('ready')]);
    await again();
    await until('the unit to be active', async () => (await service.show('ActiveState')) === 'active');
    await again();
    await service.systemctl('stop');
    expect(await service.results()).toEqual(['success exited 0']);
    expect(service.story).toEqual(['started', 'ready', 'SIGTERM', 'graceful-end']);
    expect(service.stderr.split('"event":"ready"').length).toBe(2);
  });
});
