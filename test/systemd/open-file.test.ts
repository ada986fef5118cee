/** OpenFile= (systemd 253): READY=1 by a socket that systemd opened, without any addon. On older ones there is none. */
import { expect, test } from 'vitest';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { versionOf } from '../helpers/systemd/version.ts';
import { Service } from './service.ts';

const SINCE = 253;
const APP = "/bin/sh -c 'echo ready; exec sleep 1000'";

describeSystemd('OpenFile=', EVERYWHERE, (systemd) => {
  const CASES: [string, string[]][] = [
    ['by itself', []],
    ['without AF_UNIX', ['RestrictAddressFamilies=AF_INET AF_INET6']],
    ['as nobody', ['User=nobody']],
    ['with DynamicUser=', ['DynamicUser=yes']],
    ['as nobody, without AF_UNIX', ['User=nobody', 'RestrictAddressFamilies=AF_INET AF_INET6']],
    ['with PrivateNetwork=, without AF_UNIX', ['PrivateNetwork=yes', 'RestrictAddressFamilies=AF_INET AF_INET6']],
    [
      'with PrivateNetwork=, and blind',
      ['User=nobody', 'PrivateNetwork=yes', 'ProtectProc=invisible', 'ProcSubset=pid'],
    ],
  ];

  test.each(CASES)('%s: the unit is ready by it', async (_, lines) => {
    if ((await versionOf(systemd())) < SINCE) return;
    // a user manager changes nobody's user, and may not filter what its services call
    if (systemd().mode !== 'system' && lines.length > 0) return;
    const service = await Service.write(systemd(), {
      options: '--log-level debug',
      probe: '--stdout ^ready',
      command: APP,
      lines: [`OpenFile=${systemd().notifySocket}:notify`, 'StandardOutput=null', ...lines],
    });
    const { code, stderr } = await service.systemctl('start');
    expect(stderr + (code === 0 ? '' : service.stderr)).toBe('');
    expect(await service.show('ActiveState')).toBe('active');
    expect(service.stderr).toContain('notify socket: sending with OpenFile=');
    await systemd().systemctl('daemon-reexec');
    expect(await service.show('StatusText')).toContain(' ready after ');
    await service.systemctl('stop');
  });
});

describeSystemd('without OpenFile=', ['system'], (systemd) => {
  test.each([
    ['as nobody', 'User=nobody'],
    ['with DynamicUser=', 'DynamicUser=yes'],
  ])('%s: the unit is ready by an addon', async (_, line) => {
    const service = await Service.write(systemd(), {
      probe: '--stdout ^ready',
      command: APP,
      lines: ['StandardOutput=null', line],
    });
    expect(await service.systemctl('start')).toMatchObject({ code: 0, stderr: '' });
    expect(await service.show('ActiveState')).toBe('active');
    await service.systemctl('stop');
  });
});
