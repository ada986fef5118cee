/**
 * Promise: under Type=notify-reload (systemd 253) `systemctl reload` returns when the app is ready again, and under
 * Type=notify a reload works as without the wrapper. An older systemd has only the second, which each test then checks.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { scaled } from '../helpers/pace.js';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { type TestSystemd, until } from '../helpers/systemd/private-systemd.js';
import { Service } from './service.ts';

const SINCE = 253;

/** The first version that gives up an endless reload at TimeoutStartSec=, even after RELOADING=1. */
const GIVES_UP = 262;

interface Reloading {
  readonly probe?: string;
  /** The app's readiness signals, by default all. */
  readonly ways?: string;
  readonly options?: string;
  readonly lines?: readonly string[];
}

/** Time for the app to close its port before the first attempt, on a busy machine too. */
const LATER = `--initial-delay ${scaled(400)}ms`;

const SIGNS: readonly Reloading[] = [
  { probe: '--tcp $PORT', ways: 'port', options: LATER },
  { probe: '--listen any', ways: 'port', options: LATER },
  { probe: "--stdout '^listening'", ways: 'line' },
  { probe: '--ipc', ways: 'ipc' },
  { probe: '--notify', ways: 'notify' },
  // auto
  { probe: '--ready-when any', ways: 'notify' },
  { probe: '--ready-when any', ways: 'port', options: LATER },
  { probe: '--tcp $PORT --ipc --notify' },
];

describeSystemd('a reload', ['user-1000', 'system', 'session'], (systemd) => {
  let version = 0;
  let notifyReload = true;
  beforeAll(async () => {
    const { stdout } = await systemd().run('systemctl', ['--version']);
    version = Number(/^systemd (\d+)/.exec(stdout)?.[1]);
    notifyReload = version >= SINCE;
  });

  const start = (reloading: Reloading, type = notifyReload ? 'notify-reload' : 'notify') =>
    startReloading(systemd(), reloading, type);
  const active = (service: Service) => service.show('ActiveState');
  /** To the main process alone, like systemd. */
  const hangUp = async (service: Service) => systemd().run('kill', ['-HUP', await service.show('MainPID')]);
  const dropIn = async (service: Service, text: string) => {
    const directory = `${systemd().unitDir}/${systemd().unit(service.name)}.d`;
    mkdirSync(directory);
    writeFileSync(`${directory}/test.conf`, text, { mode: 0o644 });
    await systemd().systemctl('daemon-reload');
  };

  test('ends when the app is ready again, with each readiness signal', async () => {
    const all = await Promise.all(
      SIGNS.map(async (reloading) => {
        const service = await start(reloading);
        const before = await service.show('StatusText');
        let over = false;
        const reload = service.systemctl('reload').then((result) => {
          over = true;
          return result;
        });
        await service.event('SIGHUP');
        if (notifyReload) await until('the reload', async () => (await active(service)) === 'reloading');
        else await reload;
        const during = { over, state: await active(service), text: await service.show('StatusText') };
        writeFileSync(`${service.dir}/go-1`, '');
        await service.event('ready', 2);
        const { code, stderr } = await reload;
        const after = { code, stderr, state: await active(service), text: await service.show('StatusText') };
        return { reloading, service, before, during, after };
      }),
    );
    for (const { reloading, service, before, during, after } of all) {
      const where = `${JSON.stringify(reloading)} ${service.stderr}`;
      const [textDuring, textAfter] = notifyReload
        ? [/^Reloading since \d\d:\d\d:\d\d: waiting for /, /^App \(pid \d+\) ready again/]
        : [before, before];
      expect(during, where).toEqual({
        over: !notifyReload,
        state: notifyReload ? 'reloading' : 'active',
        text: typeof textDuring === 'string' ? textDuring : expect.stringMatching(textDuring),
      });
      expect(after, where).toEqual({
        code: 0,
        stderr: '',
        state: 'active',
        text: typeof textAfter === 'string' ? textAfter : expect.stringMatching(textAfter),
      });
      expect(service.story, where).toEqual(['ready', 'SIGHUP', 'ready']);
    }
    await Promise.all(all.map(({ service }) => service.systemctl('stop')));
  });

  test('under Type=notify: nothing is sent, and the app gets the signal', async () => {
    const service = await start({}, 'notify');
    const before = await service.show('StatusText');
    expect(await service.systemctl('reload')).toMatchObject({ code: 0, stderr: '' });
    await service.event('SIGHUP');
    expect([await active(service), await service.show('StatusText')]).toEqual(['active', before]);
    expect(service.stderr).not.toContain('reloads');
    await service.systemctl('stop');
  });

  test('works with another ReloadSignal=, from a drop-in', async () => {
    const service = await start({ probe: '--notify' });
    const other = notifyReload ? 'ReloadSignal=USR2' : "ExecReload=\nExecReload=/bin/sh -c 'kill -USR2 $MAINPID'";
    await dropIn(service, `[Service]\n${other}\n`);
    writeFileSync(`${service.dir}/go-1`, '');
    expect(await service.systemctl('reload')).toMatchObject({ code: 0, stderr: '' });
    await service.event('ready', 2);
    expect(service.story).toEqual(['ready', 'SIGUSR2', 'ready']);
    // and SIGHUP is an ordinary signal
    await hangUp(service);
    await service.event('SIGHUP');
    await until('the log', () => /SIGHUP (to|already reached) the app/.test(service.stderr));
    expect(service.stderr).not.toContain('SIGHUP: the app reloads');
    await service.systemctl('stop');
  });

  test('that the app announces itself ends with its own READY=1', async () => {
    const service = await start({ probe: '--notify', lines: ['Environment=SAYS=RELOADING'] });
    const reload = service.systemctl('reload');
    await until('the reload', async () => (await active(service)) === 'reloading');
    writeFileSync(`${service.dir}/go-1`, '');
    expect((await reload).code).toBe(0);
    await service.event('ready', 2);
    await until('the end', async () => (await active(service)) === 'active');
    expect(service.story).toEqual(['ready', 'SIGHUP', 'ready']);
    await service.systemctl('stop');
  });

  test('not ready again in time: log and status give the reason, and late readiness still counts', async () => {
    const service = await start({ probe: "--stdout '^listening'", options: '--reload-timeout 300ms' });
    await dropIn(service, '[Unit]\nJobRunningTimeoutSec=2s\n[Service]\nTimeoutStartSec=1s\n');
    const reload = service.systemctl('reload');
    await service.event('SIGHUP');
    if (notifyReload) {
      const why = 'not ready again 300 ms after SIGHUP: stdout /^listening/: no output yet; the app runs on';
      await until('the log', () => service.stderr.includes(why));
      expect(await service.show('StatusText')).toBe(why);
      expect((await reload).code).not.toBe(0);
      expect(await active(service)).toBe(version >= GIVES_UP ? 'active' : 'reloading');
    }
    await reload;
    writeFileSync(`${service.dir}/go-1`, '');
    await service.event('ready', 2);
    if (notifyReload) await until('the status', async () => /ready again/.test(await service.show('StatusText')));
    expect(await active(service)).toBe('active');
    // the next reload is independent
    writeFileSync(`${service.dir}/go-2`, '');
    expect((await service.systemctl('reload')).code).toBe(0);
    await service.event('ready', 3);
    expect(service.story).toEqual(['ready', 'SIGHUP', 'ready', 'SIGHUP', 'ready']);
    await service.systemctl('stop');
  });

  test('a second signal during it: the app gets both', async () => {
    const service = await start({ probe: "--stdout '^listening'", ways: 'line' });
    const reload = service.systemctl('reload');
    await service.event('SIGHUP');
    await hangUp(service);
    await service.event('SIGHUP', 2);
    if (notifyReload) expect(await active(service)).toBe('reloading');
    writeFileSync(`${service.dir}/go-2`, '');
    expect((await reload).code).toBe(0);
    await service.event('ready', 2);
    await until('the end', async () => (await active(service)) === 'active');
    await service.systemctl('stop');
  });

  test('the app dies during it: the status is its own', async () => {
    const service = await start({});
    const reload = service.systemctl('reload');
    await service.event('SIGHUP');
    writeFileSync(`${service.dir}/die-1`, '');
    await reload;
    expect(await service.results()).toEqual(['exit-code exited 7']);
    await until('the status', async () => (await service.show('StatusText')) === 'the app exited with code 7');
    await service.systemctl('reset-failed');
  });
});

async function startReloading(systemd: TestSystemd, { probe, ways, options, lines }: Reloading, type: string) {
  const service = await Service.write(systemd, {
    command: `${systemd.node} ${systemd.repo}/test/fixtures/systemd/reloads.mjs`,
    ...(probe && { probe }),
    ...(options && { options }),
    lines: [
      `Type=${type}`,
      'StandardOutput=null',
      ...(type === 'notify' ? ["ExecReload=/bin/sh -c 'kill -HUP $MAINPID'"] : []),
      ...(ways ? [`Environment='WAYS=${ways}'`] : []),
      ...(lines ?? []),
    ],
  });
  return service.startReady();
}
