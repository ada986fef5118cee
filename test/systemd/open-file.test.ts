/**
 * OpenFile= (systemd 253): READY=1 through a socket that systemd opened, without any addon. Older releases have no
 * OpenFile=.
 */
import { expect, test } from 'vitest';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { until } from '../helpers/systemd/private-systemd.js';
import { SYSTEMD_VERSION } from '../helpers/systemd/version.ts';
import { Service } from './service.ts';

const APP = "/bin/sh -c 'echo ready; exec sleep 1000'";

if (SYSTEMD_VERSION >= 253) {
  describeSystemd('OpenFile=', EVERYWHERE, (systemd) => {
    const CASES: [string, string[]][] = [
      ['by itself', []],
      ['without AF_UNIX', ['RestrictAddressFamilies=AF_INET AF_INET6']],
      ['with User=nobody', ['User=nobody']],
      ['with DynamicUser=', ['DynamicUser=yes']],
      ['with User=nobody, without AF_UNIX', ['User=nobody', 'RestrictAddressFamilies=AF_INET AF_INET6']],
      ['with PrivateNetwork=, without AF_UNIX', ['PrivateNetwork=yes', 'RestrictAddressFamilies=AF_INET AF_INET6']],
      [
        'with PrivateNetwork= and without /proc of others',
        ['User=nobody', 'PrivateNetwork=yes', 'ProtectProc=invisible', 'ProcSubset=pid'],
      ],
    ];

    test.each(CASES)('%s: makes the unit ready', async (_, lines) => {
      // a user manager cannot change the user, and may not filter the syscalls of its services
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
      await until('the transport', () => service.stderr.includes('notify socket: sending with OpenFile='));
      await systemd().systemctl('daemon-reexec');
      expect(await service.show('StatusText')).toContain(' ready after ');
      await service.systemctl('stop');
    });
  });
}

describeSystemd('without OpenFile=', ['system'], (systemd) => {
  test.each([
    ['with User=nobody', 'User=nobody'],
    ['with DynamicUser=', 'DynamicUser=yes'],
  ])('%s: an addon makes the unit ready', async (_, line) => {
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
