/** A manager that is too busy to read: the notify socket's queue fills up, and further datagrams are lost. */
import { expect, test } from 'vitest';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { until } from '../helpers/systemd/private-systemd.js';
import { Service } from './service.ts';

describeSystemd('a full notify queue', ['user-root', 'user-1000', 'system'], (get) => {
  test('delivers READY=1 as soon as there is room', async () => {
    const systemd = get();
    const service = await Service.write(systemd);
    const start = service.systemctl('start');
    await service.event('started');
    const main = await service.show('MainPID');

    await systemd.freeze();
    const { repo, notifySocket } = systemd;
    const filled = await systemd.run('perl', [`${repo}/test/fixtures/systemd/fill-queue.pl`, notifySocket]);
    expect(filled).toMatchObject({ code: 0, stderr: '' });
    service.letGo();
    await service.event('asked');
    // It is retrying: a process that had given up would sleep, and never be scheduled again
    const before = switches(await status(main));
    await until('the wrapper to try again', async () => switches(await status(main)) > before + 20);
    await systemd.thaw();

    expect((await start).code).toBe(0);
    expect(await service.show('ActiveState')).toBe('active');
    await until('the text to arrive too', async () => (await service.show('StatusText')).includes(' ready after '));
    await service.systemctl('stop');

    async function status(pid: string): Promise<string> {
      return (await systemd.run('cat', [`/proc/${pid}/status`])).stdout;
    }
  });
});

function switches(status: string): number {
  return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
}
