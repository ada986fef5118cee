/** Notifications through sd-ready-wrap/client and sd-ready-wrap/sd-notify, as systemd receives them. */
import { expect, test } from 'vitest';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { until } from '../helpers/systemd/private-systemd.js';
import { testSince } from '../helpers/systemd/version.ts';
import { Service } from './service.ts';

/** Longer than WatchdogSec= lets an app live without pings, s. */
const LONG = 1.5;

describeSystemd('an app that notifies systemd itself', ['system', 'user-1000', 'session'], (systemd) => {
  const script = (code: string) => {
    const dir = systemd().repo;
    return `${systemd().node} --input-type=module -e '${code.replaceAll('REPO', dir)}'`;
  };

  test.each([
    ['--notify', '--notify'],
    ['--ipc', '--ipc'],
  ])("under %s: sd-ready-wrap/sd-notify's status and pings arrive", async (_, probe) => {
    const service = await Service.write(systemd(), {
      probe,
      command: script(
        'import notify from "REPO/dist/sd-notify.mjs"; notify.ready(); notify.sendStatus("serving"); ' +
          'notify.startWatchdogMode(250)',
      ),
      lines: ['WatchdogSec=1s'],
    });
    expect(await service.systemctl('start')).toMatchObject({ code: 0 });
    await until('the status', async () => (await service.show('StatusText')) === 'serving');
    await until('a ping', async () => (await service.show('WatchdogTimestampMonotonic')) !== '0');
    const first = BigInt(await service.show('WatchdogTimestampMonotonic'));
    const later = async () => BigInt(await service.show('WatchdogTimestampMonotonic')) > first + BigInt(LONG * 1e6);
    await until('pings beyond the watchdog', later);
    expect(await service.show('ActiveState')).toBe('active');
    await service.systemctl('stop');
    expect(await service.results()).toEqual(['success killed TERM']);
  });

  test('after a handoff the main process is heard, before it no process', async () => {
    const own = `/usr/bin/perl ${systemd().repo}/test/fixtures/systemd/speaks.pl`;
    const service = await Service.write(systemd(), {
      options: '--handoff',
      probe: '--file %t/handoff-%n',
      command: own,
      lines: ['WatchdogSec=1s', 'ExecStartPre=/bin/rm -f %t/handoff-%n', 'Environment=READY_FILE=%t/handoff-%n'],
    });
    expect(await service.systemctl('start')).toMatchObject({ code: 0 });
    await until('the status', async () => (await service.show('StatusText')) === 'from the app');
    const first = BigInt(await service.show('WatchdogTimestampMonotonic'));
    await until('pings', async () => {
      return BigInt(await service.show('WatchdogTimestampMonotonic')) > first + BigInt(LONG * 1e6);
    });
    expect(await service.show('ActiveState')).toBe('active');
    await service.systemctl('stop');
    expect(await service.results()).toEqual(['success killed TERM']);
  });

  testSince(253, "after a handoff with OpenFile= the client's notifications are heard too", async () => {
    const service = await Service.write(systemd(), {
      options: '--handoff',
      probe: '--delay 10ms',
      command: `${systemd().node} ${systemd().repo}/test/fixtures/systemd/uses-client.mjs`,
      lines: [`OpenFile=${systemd().notifySocket}:notify`, 'Environment=STATUS=by-the-client'],
    });
    expect(await service.systemctl('start')).toMatchObject({ code: 0 });
    await until('the status', async () => (await service.show('StatusText')) === 'by-the-client');
    await service.systemctl('stop');
    expect(await service.results()).toEqual(['success exited 0']);
  });
});
