/** The examples in systemd-units/: each is valid, and each really starts an app. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { freePort, type TestSystemd } from '../helpers/systemd/private-systemd.js';
import { verify } from '../helpers/systemd/verify.ts';
import { SYSTEMD_VERSION, testSince } from '../helpers/systemd/version.ts';
import { EXAMPLES, placed as placedHere } from './examples.ts';

const ALL = readdirSync(EXAMPLES).filter((name) => name.endsWith('.service') && name !== 'swap-hold.service');
/** The examples that are started here. Three units make a swap: swap.test.ts. */
const UNITS = ALL.filter((name) => name !== 'swap@.service');

test('there is an example of each kind', () => {
  expect(UNITS).toEqual(
    expect.arrayContaining([
      'app@.service',
      'client.service',
      'delay.service',
      'exec.service',
      'fd.service',
      'file.service',
      'handoff.service',
      'hardened.service',
      'http.service',
      'ipc.service',
      'listen.service',
      'notify.service',
      'reload.service',
      'stdout-regex.service',
      'tcp.service',
      'unix.service',
      'watchdog.service',
    ]),
  );
});

test.each(ALL)('%s has what every unit with the wrapper should have', (name) => {
  const lines = readFileSync(path.join(EXAMPLES, name), 'utf8').split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      name === 'reload.service' ? 'Type=notify-reload' : 'Type=notify',
      'NotifyAccess=main',
      'KillMode=mixed',
      'Restart=on-failure',
      'RestartPreventExitStatus=125 126 127',
      'TimeoutStartSec=60s',
      'TimeoutStopSec=30s',
    ]),
  );
});

describeSystemd('the examples', EVERYWHERE, (get) => {
  /** Type= that an older systemd does not know. */
  const placed = (systemd: TestSystemd, name: string, port: number) => {
    const text = placedHere(systemd, name, port);
    return SYSTEMD_VERSION < 253 ? text.replace('Type=notify-reload', 'Type=notify') : text;
  };

  test.each(UNITS)('systemd-analyze verify reports nothing about %s', async (name) => {
    const systemd = get();
    // since 257, systemd reports that a user manager cannot allocate users
    if (name === 'hardened.service' && systemd.mode !== 'system') return;
    const file = path.join(systemd.makeDir(), name.replace('@.', '@3001.'));
    writeFileSync(file, placed(systemd, name, 3001), { mode: 0o644 });
    expect(await verify(systemd, file)).toEqual([0, '']);
  });

  test.each(UNITS)('%s starts, is ready, and stops', async (name) => {
    const systemd = get();
    // a user manager cannot apply these settings
    if (name === 'hardened.service' && systemd.mode !== 'system') return;
    const port = await freePort();
    systemd.writeUnit(name, placed(systemd, name, port));
    const unit = name.replace('@.', `@${port}.`);
    const { code, stderr } = await systemd.systemctl('start', unit);
    expect(stderr + (code === 0 ? '' : await systemd.managerLog())).toBe('');
    expect(await systemd.show(unit, 'ActiveState')).toBe('active');
    expect(await systemd.show(unit, 'StatusText')).toContain(' ready after ');
    // its app prints the line again at SIGHUP
    if (name === 'reload.service' && SYSTEMD_VERSION >= 253) {
      expect(await systemd.systemctl('reload', unit)).toMatchObject({ code: 0, stderr: '' });
      expect(await systemd.show(unit, 'StatusText')).toContain(' ready again ');
    }
    expect(await systemd.systemctl('stop', unit)).toMatchObject({ code: 0, stderr: '' });
    expect(await systemd.show(unit, 'ActiveState')).toBe('inactive');
  });

  test('hardened.service works with a private network', async () => {
    const systemd = get();
    if (systemd.mode !== 'system') return;
    const text = placed(systemd, 'hardened.service', await freePort());
    systemd.writeUnit('alone.service', text.replace('[Install]', 'PrivateNetwork=yes\n[Install]'));
    expect(await systemd.systemctl('start', 'alone.service')).toMatchObject({ code: 0, stderr: '' });
    await systemd.systemctl('stop', 'alone.service');
  });

  test('hardened.service works with --handoff', async () => {
    const systemd = get();
    if (systemd.mode !== 'system') return;
    const text = placed(systemd, 'hardened.service', await freePort());
    systemd.writeUnit('hands-over.service', text.replace(' --tcp', ' --handoff --tcp'));
    expect(await systemd.systemctl('start', 'hands-over.service')).toMatchObject({ code: 0, stderr: '' });
    const main = await systemd.show('hands-over.service', 'MainPID');
    expect((await systemd.run('cat', [`/proc/${main}/cmdline`])).stdout).toMatch(/says-ready\.mjs\0$/);
    expect(await systemd.systemctl('stop', 'hands-over.service')).toMatchObject({ code: 0 });
  });

  // --offline=
  testSince(250, 'hardened.service is rated 1.5 or better', async () => {
    const systemd = get();
    if (systemd.mode !== 'system') return;
    const file = `${systemd.repo}/systemd-units/hardened.service`;
    const { stdout } = await systemd.run('systemd-analyze', ['security', '--offline=yes', file]);
    expect(Number(/exposure level for hardened\.service: ([\d.]+)/.exec(stdout)?.[1])).toBeLessThanOrEqual(1.5);
  });
});
