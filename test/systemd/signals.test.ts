/** Promise: each signal reaches the app once, whatever the unit's KillMode=, from any sender. */
import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { type TestSystemd, until } from '../helpers/systemd/private-systemd.js';
import { Service } from './service.ts';

const KILL_MODES = ['control-group', 'mixed', 'process'] as const;

/** Stops in each KillMode= under each manager: with the three of CI more than a hundred. */
const STOPS = 34;

async function counting(systemd: TestSystemd, ...lines: string[]): Promise<Service> {
  const service = await Service.write(systemd, {
    probe: '--stdout ^ready',
    command: `perl ${systemd.repo}/test/fixtures/systemd/counts-signals.pl`,
    lines: ['StandardOutput=null', ...lines],
  });
  chmodSync(service.dir, 0o777);
  return service;
}

/** The signals that the app reports. */
function got(service: Service): string[] {
  const path = `${service.dir}/signals`;
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
}

/**
 * systemd sends SIGCONT after the signal that stops a unit (systemd.kill(5)); it has no effect on a running process.
 */
const withoutCont = (service: Service) => got(service).filter((signal) => signal !== 'CONT');

async function logged(service: Service, text: string, count = 1): Promise<void> {
  await until(`${text} in: ${service.stderr}`, () => service.stderr.split(text).length > count);
}

describeSystemd('signals under a real systemd', EVERYWHERE, (systemd) => {
  test(`a stop is one SIGTERM and the app's full grace, ${STOPS} times in each KillMode`, async () => {
    const stops = await Promise.all(
      KILL_MODES.map(async (mode) => {
        const service = await counting(systemd(), `KillMode=${mode}`);
        const seen = new Map<string, number>();
        for (let n = 0; n < STOPS; n += 1) {
          rmSync(`${service.dir}/signals`, { force: true });
          await service.startReady();
          await service.systemctl('stop');
          const story = withoutCont(service).join(' ');
          seen.set(story, (seen.get(story) ?? 0) + 1);
        }
        const results = new Set(await service.results(STOPS));
        return [mode, Object.fromEntries(seen), [...results]];
      }),
    );
    expect(stops).toEqual(KILL_MODES.map((mode) => [mode, { 'TERM end': STOPS }, ['success exited 0']]));
  });

  describe.each(KILL_MODES)('KillMode=%s', (mode) => {
    test('systemctl kill to all processes and to the main process: once each', async () => {
      const service = await (await counting(systemd(), `KillMode=${mode}`)).startReady();
      for (let n = 1; n <= 10; n += 1) {
        await service.systemctl('kill', '--signal=HUP');
        await until('SIGHUP', () => got(service).filter((signal) => signal === 'HUP').length >= n);
        await logged(service, 'SIGHUP', n);
        await service.systemctl('kill', '--signal=USR1', `--${await whom(systemd())}=main`);
        await until('SIGUSR1', () => got(service).filter((signal) => signal === 'USR1').length >= n);
      }
      await service.systemctl('stop');
      expect(withoutCont(service)).toEqual([...Array(10).fill(['HUP', 'USR1']).flat(), 'TERM', 'end']);
    });

    test('a second SIGTERM that is really sent arrives too', async () => {
      const service = await counting(systemd(), `KillMode=${mode}`, 'Environment=ENDS_BY=USR2');
      await service.startReady();
      const stop = service.systemctl('stop');
      await until('the first', () => got(service).includes('TERM'));
      await logged(service, 'SIGTERM');
      const main = await service.show('MainPID');
      await systemd().run('kill', ['-TERM', main]);
      await until('the second', () => withoutCont(service).length >= 2);
      await systemd().run('kill', ['-USR2', main]);
      await stop;
      expect(withoutCont(service)).toEqual(['TERM', 'TERM', 'USR2', 'end']);
    });

    test("ExecStop=kill -TERM $MAINPID, and systemd's SIGTERM after it", async () => {
      // while the first is pending, a second would merge with it
      const exec = "ExecStop=/bin/sh -c 'kill -TERM $MAINPID; until grep -q TERM $DIR/signals; do sleep 0.01; done'";
      const lines = [`KillMode=${mode}`, exec, 'Environment=ENDS_BY=USR2'];
      const service = await (await counting(systemd(), ...lines)).startReady();
      const main = await service.show('MainPID');
      const stop = service.systemctl('stop');
      await until('both', () => withoutCont(service).length >= 2);
      await systemd().run('kill', ['-USR2', main]);
      await stop;
      expect(withoutCont(service)).toEqual(['TERM', 'TERM', 'USR2', 'end']);
    });

    test('KillSignal=SIGWINCH, as httpd uses for a graceful stop', async () => {
      const lines = [`KillMode=${mode}`, 'KillSignal=SIGWINCH', 'Environment=ENDS_BY=WINCH'];
      const service = await (await counting(systemd(), ...lines)).startReady();
      await service.systemctl('stop');
      expect(withoutCont(service)).toEqual(['WINCH', 'end']);
      expect(await service.results()).toEqual(['success exited 0']);
    });

    // as KillSignal= the last two reach no process: the SIGCONT that systemd sends at once cancels them (signal(7))
    test.each(['WINCH', 'TTIN', 'TTOU'])('systemctl kill --signal=%s: once each', async (signal) => {
      const other = await (await counting(systemd(), `KillMode=${mode}`)).startReady();
      for (let n = 1; n <= 5; n += 1) {
        for (const to of ['all', 'main']) {
          await other.systemctl('kill', `--signal=${signal}`, `--${await whom(systemd())}=${to}`);
          const count = 2 * n - (to === 'all' ? 1 : 0);
          await until(`number ${count}`, () => got(other).filter((each) => each === signal).length >= count);
          await logged(other, `"signal":"SIG${signal}"`, count);
        }
      }
      await other.systemctl('stop');
      expect(withoutCont(other)).toEqual([...Array(10).fill(signal), 'TERM', 'end']);
    });

    test('SendSIGHUP=yes', async () => {
      const service = await (await counting(systemd(), `KillMode=${mode}`, 'SendSIGHUP=yes')).startReady();
      await service.systemctl('stop');
      expect(withoutCont(service).sort()).toEqual(['HUP', 'TERM', 'end']);
    });

    test('RestartKillSignal=SIGUSR2', async () => {
      const lines = [`KillMode=${mode}`, 'RestartKillSignal=SIGUSR2', 'Environment=ENDS_BY=USR2'];
      const service = await (await counting(systemd(), ...lines)).startReady();
      await service.systemctl('restart');
      await systemd().run('kill', ['-USR2', await service.show('MainPID')]);
      await until('the second end', () => withoutCont(service).length >= 4);
      expect(withoutCont(service)).toEqual(['USR2', 'end', 'USR2', 'end']);
    });
  });

  test('Delegate=yes and an app in its own child cgroup: once each', async () => {
    const { repo } = systemd();
    const fixtures = `${repo}/test/fixtures/systemd`;
    const service = await Service.write(systemd(), {
      probe: '--stdout ^ready',
      command: `sh ${fixtures}/in-own-cgroup.sh perl ${fixtures}/counts-signals.pl`,
      lines: ['StandardOutput=null', 'KillMode=control-group', 'Delegate=yes'],
    });
    chmodSync(service.dir, 0o777);
    await service.startReady();
    for (let n = 1; n <= 5; n += 1) {
      await service.systemctl('kill', '--signal=HUP');
      await until('SIGHUP', () => got(service).filter((signal) => signal === 'HUP').length >= n);
      await logged(service, 'SIGHUP', n);
    }
    await service.systemctl('stop');
    expect(withoutCont(service)).toEqual([...Array(5).fill('HUP'), 'TERM', 'end']);
  });

  test('a service that is stopped and continued as a whole continues, with one SIGCONT', async () => {
    const service = await (await counting(systemd(), 'KillMode=control-group')).startReady();
    for (const signal of ['STOP', 'CONT']) await service.systemctl('kill', `--signal=${signal}`);
    await until('SIGCONT', () => got(service).includes('CONT'));
    await service.systemctl('kill', '--signal=HUP');
    await until('SIGHUP', () => got(service).includes('HUP'));
    expect(got(service)).toEqual(['CONT', 'HUP']);
    await service.systemctl('stop');
  });
});

describeSystemd('signals to a service of another user, without D-Bus in reach', ['system'], (systemd) => {
  test.each(KILL_MODES)('KillMode=%s: one SIGTERM', async (mode) => {
    const lines = [
      `KillMode=${mode}`,
      'User=nobody',
      'InaccessiblePaths=-/run/dbus',
      'ProtectProc=invisible',
      '[Unit]',
      'StartLimitIntervalSec=0',
    ];
    const service = await (await counting(systemd(), ...lines)).startReady();
    for (let n = 0; n < 10; n += 1) expect(await service.systemctl('restart')).toMatchObject({ code: 0 });
    await service.systemctl('stop');
    expect(withoutCont(service)).toEqual(Array(11).fill(['TERM', 'end']).flat());
  });

  test('an app that the wrapper may not signal gives one line in the log', async () => {
    const service = await Service.write(systemd(), {
      command: 'setpriv --reuid=65534 --regid=65534 --clear-groups sleep 600',
      probe: '--delay 100ms',
      lines: ['CapabilityBoundingSet=CAP_SETUID CAP_SETGID', 'KillMode=control-group'],
    });
    await service.startReady();
    await systemd().run('kill', ['-HUP', await service.show('MainPID')]);
    await logged(service, 'cannot send SIGHUP to the app: EPERM');
    expect(await service.show('ActiveState')).toBe('active');
    await service.systemctl('stop');
    expect(await service.results()).toEqual(['success killed TERM']);
  });
});

/** systemctl before 252 has another name for it. */
async function whom(systemd: TestSystemd): Promise<string> {
  const { stdout } = await systemd.run('systemctl', ['--help']);
  return stdout.includes('--kill-whom') ? 'kill-whom' : 'kill-who';
}
