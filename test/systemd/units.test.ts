/** The examples in systemd-units/: each is correct, and each really starts an app. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { freePort, REPOSITORY, type TestSystemd } from '../helpers/systemd/private-systemd.js';

const EXAMPLES = path.join(REPOSITORY, 'systemd-units');
const UNITS = readdirSync(EXAMPLES).filter((name) => name.endsWith('.service'));

test('there is an example of each kind', () => {
  expect(UNITS).toEqual(
    expect.arrayContaining([
      'app@.service',
      'delay.service',
      'exec.service',
      'fd.service',
      'file.service',
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

test.each(UNITS)('%s has what every unit with the wrapper should have', (name) => {
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
  let version = 0;
  beforeAll(async () => {
    version = Number(/^systemd (\d+)/.exec((await get().run('systemctl', ['--version'])).stdout)?.[1]);
  });
  /** An older systemd does not know that type. */
  const placed = (systemd: TestSystemd, name: string, port: number) => {
    const text = placedHere(systemd, name, port);
    return version < 253 ? text.replace('Type=notify-reload', 'Type=notify') : text;
  };

  // The exit status is 0 for warnings too, so what counts is that nothing is said
  test.each(UNITS)('systemd-analyze verify has nothing to say of %s', async (name) => {
    const systemd = get();
    const file = path.join(systemd.makeDir(), name.replace('@.', '@3001.'));
    writeFileSync(file, placed(systemd, name, 3001), { mode: 0o644 });
    const flags = systemd.mode === 'system' ? [] : ['--user'];
    expect(await systemd.run('systemd-analyze', [...flags, 'verify', file])).toMatchObject({ code: 0, stderr: '' });
  });

  test.each(UNITS)('%s starts, is ready, and stops', async (name) => {
    const systemd = get();
    // a user manager may not do that to its services
    if (name === 'hardened.service' && systemd.mode !== 'system') return;
    const port = await freePort();
    systemd.writeUnit(name, placed(systemd, name, port));
    await systemd.systemctl('daemon-reload');
    const unit = name.replace('@.', `@${port}.`);
    const { code, stderr } = await systemd.systemctl('start', unit);
    expect(stderr + (code === 0 ? '' : await systemd.managerLog())).toBe('');
    expect(await systemd.show(unit, 'ActiveState')).toBe('active');
    expect(await systemd.show(unit, 'StatusText')).toContain(' ready after ');
    // its app prints the line again at SIGHUP
    if (name === 'reload.service' && version >= 253) {
      expect(await systemd.systemctl('reload', unit)).toMatchObject({ code: 0, stderr: '' });
      expect(await systemd.show(unit, 'StatusText')).toContain(' ready again ');
    }
    expect(await systemd.systemctl('stop', unit)).toMatchObject({ code: 0, stderr: '' });
    expect(await systemd.show(unit, 'ActiveState')).toBe('inactive');
  });

  test('hardened.service also with a network of its own', async () => {
    const systemd = get();
    if (systemd.mode !== 'system') return;
    const text = placed(systemd, 'hardened.service', await freePort());
    systemd.writeUnit('alone.service', text.replace('[Install]', 'PrivateNetwork=yes\n[Install]'));
    expect(await systemd.systemctl('start', 'alone.service')).toMatchObject({ code: 0, stderr: '' });
    await systemd.systemctl('stop', 'alone.service');
  });

  test('hardened.service is rated 1.5 or better', async () => {
    const file = path.join(EXAMPLES, 'hardened.service');
    const { stdout } = await get().run('systemd-analyze', ['security', '--offline=yes', file]);
    expect(Number(/exposure level for hardened\.service: ([\d.]+)/.exec(stdout)?.[1])).toBeLessThanOrEqual(1.5);
  });

  describe('rolling-restart.sh', () => {
    test('restarts instances one after another', async () => {
      const { instances, rollingRestart, mainPids, stop } = await fleet(get(), 3);
      const before = await mainPids();
      expect(await rollingRestart(...instances)).toMatchObject({
        code: 0,
        stdout: instances.map((unit, index) => `${unit} ready (${index + 1} of 3)\n`).join(''),
        stderr: '',
      });
      const after = await mainPids();
      expect(after.every((pid) => Number(pid) > 0)).toBe(true);
      expect(after.filter((pid) => before.includes(pid))).toEqual([]);
      await stop();
    });

    test('stops at the first that does not become ready', async () => {
      const { systemd, instances, rollingRestart, mainPids, stop, breakApp, log } = await fleet(get(), 3);
      const [, second, third] = await mainPids();
      await breakApp(instances[0] as string);
      const result = await rollingRestart(...instances);
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toContain(`${instances[0]} did not become ready; stopped, 2 of 3 not touched`);
      expect((await mainPids()).slice(1), await log()).toEqual([second, third]);
      await stop();
      await systemd.systemctl('reset-failed', instances[0] as string);
    });

    test.each([[[]], [['--wrong']], [['--user']]])('%j is a usage error', async (words) => {
      const script = `${get().repo}/systemd-units/rolling-restart.sh`;
      expect(await get().run('sh', [script, ...words])).toMatchObject({ code: 64, stdout: '' });
    });
  });
});

/** An example as it stands, with the paths and the port of this machine in the place of the example's. */
function placedHere(systemd: TestSystemd, name: string, port: number): string {
  const app = `${systemd.repo}/test/fixtures/systemd/says-ready.mjs`;
  return readFileSync(path.join(EXAMPLES, name), 'utf8')
    .replaceAll('/usr/bin/sd-ready-wrap', `${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs`)
    .replaceAll('/usr/bin/node', systemd.node)
    .replace(/\/srv\/app\/\w+\.js/g, app)
    .replaceAll('3000', String(port));
}

/** Instances of app@.service, up and running. */
async function fleet(systemd: TestSystemd, size: number) {
  const logs = systemd.makeDir();
  const text = placedHere(systemd, 'app@.service', 0);
  systemd.writeUnit('app@.service', text.replace('[Service]', `[Service]\nStandardError=append:${logs}/%i`));
  const instances: string[] = [];
  while (instances.length < size) instances.push(systemd.unit(`app@${await freePort()}.service`));
  await systemd.systemctl('daemon-reload');
  const started = await systemd.systemctl('start', ...instances);
  if (started.code !== 0) throw new Error(started.stderr);
  const script = `${systemd.repo}/systemd-units/rolling-restart.sh`;
  const flags = systemd.mode === 'system' ? [] : ['--user'];
  return {
    systemd,
    instances,
    rollingRestart: (...units: string[]) => systemd.run('sh', [script, ...flags, ...units]),
    mainPids: () => Promise.all(instances.map((unit) => systemd.show(unit, 'MainPID'))),
    stop: () => systemd.systemctl('stop', ...instances),
    log: async () => (await systemd.run('sh', ['-c', `tail -n 20 ${logs}/*`])).stdout,
    /** The next start of this instance fails for good: a drop-in names an app that is not there. */
    async breakApp(unit: string) {
      const dropIns = path.join(systemd.unitDir, `${unit}.d`);
      if (!existsSync(dropIns)) mkdirSync(dropIns);
      const command = `${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs --tcp 9 -- /nowhere/app`;
      writeFileSync(path.join(dropIns, 'broken.conf'), `[Service]\nExecStart=\nExecStart=${command}\n`);
      await systemd.systemctl('daemon-reload');
    },
  };
}
