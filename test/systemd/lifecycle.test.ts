/** An operator's view of a wrapped app, reported by a real systemd. */
import { describe, expect, test } from 'vitest';
import { scaled } from '../helpers/pace.js';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { until } from '../helpers/systemd/private-systemd.js';
import { Service } from './service.ts';

/** Enough for the app to boot, ms. */
const SHORT = scaled(3000);

describeSystemd('under a real systemd', EVERYWHERE, (systemd) => {
  test('systemctl start returns when the app is ready, and not before', async () => {
    const service = await Service.write(systemd());
    let returned = false;
    const start = service.systemctl('start').finally(() => {
      returned = true;
    });
    await service.event('started');
    expect(await service.show('ActiveState')).toBe('activating');
    await until('a text with the reason', async () => {
      return (await service.show('StatusText')).includes(`waiting for tcp 127.0.0.1:${service.port}`);
    });
    expect(returned).toBe(false);

    service.letGo();
    expect(await start).toMatchObject({ code: 0, stderr: '' });
    // the app's own event may come later: the kernel accepts connections before the app's callback runs
    await service.event('ready');
    expect(await service.show('ActiveState')).toBe('active');
    expect(await service.show('StatusText')).toMatch(/^App \(pid \d+\) ready after .*tcp/);
    await service.systemctl('stop');
  });

  test('the wrapper is the main process, and only it is heard', async () => {
    const service = await (await Service.write(systemd())).startReady();
    const main = await service.show('MainPID');
    expect(main).toBe(String(service.environment['ppid']));
    const commandLine = (await systemd().run('cat', [`/proc/${main}/cmdline`])).stdout.split('\0');
    expect(commandLine[1]).toMatch(/sd-ready-wrap\.cjs$/);
    expect(await service.show('NotifyAccess')).toBe('main');
    await service.systemctl('stop');
  });

  test("the app's environment lacks only the variables for systemd's own channels", async () => {
    const service = await Service.write(systemd(), { lines: ['WatchdogSec=600', 'Environment=KEPT=as-it-was'] });
    const { environment } = await service.startReady();
    expect(Object.keys(environment).filter((name) => /^(NOTIFY_SOCKET|WATCHDOG_|SD_READY_WRAP_)/.test(name))).toEqual(
      [],
    );
    expect(environment).toMatchObject({ KEPT: 'as-it-was', INVOCATION_ID: await service.show('InvocationID') });
    await service.systemctl('stop');
  });

  test.each([
    ['3', 'exit-code exited 3'],
    ['1', 'exit-code exited 1'],
    ['255', 'exit-code exited 255'],
    ['0', 'protocol exited 0'],
    ['SIGKILL', 'signal killed KILL'],
    ['SIGSEGV', 'signal killed SEGV'],
    ['SIGTERM', 'protocol killed TERM'],
  ])('an app that ends with %s before it was ready: %s', async (how, result) => {
    const { node, repo } = systemd();
    const service = await Service.write(systemd(), {
      command: `${node} ${repo}/test/fixtures/systemd/dies.mjs ${how}`,
    });
    expect((await service.systemctl('start')).code).not.toBe(0);
    expect(await service.results()).toEqual([result]);
    await until('the failure to be final', async () => (await service.show('ActiveState')) === 'failed');
    await service.systemctl('reset-failed');
  });

  test.each([
    ["the wrapper's --timeout", `--timeout ${SHORT}ms`, [], 'exit-code exited 124', /not ready after .*: tcp/],
    ["systemd's TimeoutStartSec", '', [`TimeoutStartSec=${SHORT}ms`], 'timeout exited 0', /SIGTERM/],
  ])('not ready within %s', async (_, options, lines, result, words) => {
    const service = await Service.write(systemd(), { options, lines });
    expect((await service.systemctl('start')).code).not.toBe(0);
    expect(await service.results()).toEqual([result]);
    expect(service.stderr).toMatch(words);
    expect(service.story).toEqual(['started', 'SIGTERM', 'graceful-end']);
    await service.systemctl('reset-failed');
  });

  test('a stop is graceful with one SIGTERM', async () => {
    const service = await (await Service.write(systemd())).startReady();
    expect((await service.systemctl('stop')).code).toBe(0);
    expect(service.story).toEqual(['started', 'ready', 'SIGTERM', 'graceful-end']);
    expect(await service.results()).toEqual(['success exited 0']);
    expect(await service.show('ActiveState')).toBe('inactive');
  });

  test.each([
    ['SIGKILL of the app', 'signal killed KILL', killApp],
    ['exit status 1', 'exit-code exited 1', async (service: Service) => service.letExit(1)],
  ])('Restart=on-failure after %s', async (_, result, fail) => {
    const service = await Service.write(systemd(), { lines: ['Restart=on-failure', 'RestartSec=10ms'] });
    await service.startReady();
    await fail(service);
    await service.event('ready', 2);
    await until('the second run to be active', async () => (await service.show('ActiveState')) === 'active');
    expect(await service.show('NRestarts')).toBe('1');
    expect(await service.results()).toEqual([result]);
    await service.systemctl('stop');
    expect(await service.results(2)).toEqual([result, 'success exited 0']);
  });

  test('exit status 143 after a stop: advice, unless SuccessExitStatus= lists it', async () => {
    const ends = [
      [[], 'exit-code exited 143', 'exited with code 143; if this is its normal end, add SuccessExitStatus=143'],
      [['SuccessExitStatus=143'], 'success exited 143', 'exited with code 143'],
    ] as const;
    await Promise.all(
      ends.map(async ([lines, result, message]) => {
        const script = "process.on('SIGTERM', () => process.exit(143)); console.log('up'); setInterval(() => {}, 9999)";
        const command = `${systemd().node} -e "${script}"`;
        const service = await Service.write(systemd(), { probe: '--stdout ^up', command, lines });
        await service.startReady();
        await service.systemctl('stop');
        expect(await service.results(), service.stderr).toEqual([result]);
        expect(service.stderr).toContain(`"msg":"the app ${message}"`);
      }),
    );
  });

  test('Restart=on-failure after exit status 1 before the app was ready', async () => {
    const service = await Service.write(systemd(), { lines: ['Restart=on-failure', 'RestartSec=10ms'] });
    await service.systemctl('start', '--no-block');
    await service.event('started');
    service.letExit(1);
    await service.event('started', 2);
    expect(await service.show('ActiveState')).toBe('activating');
    service.letGo();
    await until('the second run to be active', async () => (await service.show('ActiveState')) === 'active');
    expect(await service.show('NRestarts')).toBe('1');
    await service.systemctl('stop');
  });

  describe('RestartPreventExitStatus=125 126 127 stops what a restart cannot fix', () => {
    test.each([
      ['125, a wrong option', { probe: '--tcp 0' }],
      ['126, a command that cannot be executed', { command: '/etc/passwd' }],
      ['127, a missing command', { command: '/usr/bin/no-such-command' }],
    ])('%s', async (status, recipe) => {
      const lines = ['Restart=on-failure', 'RestartSec=10ms', 'RestartPreventExitStatus=125 126 127'];
      const service = await Service.write(systemd(), { ...recipe, lines });
      expect((await service.systemctl('start')).code).not.toBe(0);
      await until('the failure to be final', async () => (await service.show('SubState')) === 'failed');
      expect(await service.results()).toEqual([`exit-code exited ${status.slice(0, 3)}`]);
      expect(await service.show('NRestarts')).toBe('0');
      await service.systemctl('reset-failed');
    });
  });

  test('in all of this only the main process notified systemd', async () => {
    expect(await systemd().managerLog()).not.toMatch(/only permitted for|Cannot find unit for notify message/);
  });
});

/** With kill(1) from inside, by the pid that the app has there and wrote down. */
async function killApp(service: Service): Promise<void> {
  const { pid } = await service.event('started');
  await service.systemd.run('sh', ['-c', `kill -KILL ${pid}`]);
}
