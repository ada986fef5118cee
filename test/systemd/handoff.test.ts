/**
 * Promise: `--handoff` makes the app the unit's main process, as if systemd had started it, and nothing else is left.
 */
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { scaled } from '../helpers/pace.js';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { until } from '../helpers/systemd/private-systemd.js';
import { Pair } from './pair.ts';
import { Service } from './service.ts';

const KILL_MODES = ['control-group', 'mixed', 'process'] as const;

const SIGNALS = ['HUP', 'INT', 'QUIT', 'ABRT', 'KILL', 'USR1', 'SEGV', 'PIPE', 'ALRM', 'TERM', 'XCPU', 'SYS'];

const STOPS = 5;

/** Enough to expose a race. */
const AT_ONCE = 20;

/** Processes in the unit's cgroup. */
async function members(service: Service): Promise<string[]> {
  const cgroup = await service.show('ControlGroup');
  const { stdout } = await service.systemd.run('sh', ['-c', `cat /sys/fs/cgroup${cgroup}/cgroup.procs`]);
  return stdout.split('\n').filter(Boolean);
}

/** Resolves with the app's pid when the wrapper has left. */
async function alone(service: Service): Promise<string> {
  const { pid } = await service.event('started');
  await until(`the app to be alone: ${service.stderr}`, async () => (await members(service)).join() === pid);
  expect(await service.show('MainPID')).toBe(pid);
  // process group and session, proc(5): a service has its own
  const { stdout } = await service.systemd.run('cut', ['-d', ' ', '-f', '5,6', `/proc/${pid}/stat`]);
  expect(stdout).toBe(`${pid} ${pid}\n`);
  return pid;
}

describeSystemd('--handoff', EVERYWHERE, (systemd) => {
  const write = (recipe: Parameters<typeof Service.write>[1] = {}) =>
    Service.write(systemd(), { ...recipe, options: `--handoff ${recipe.options ?? ''}` });

  test('the app is the only process; a stop is graceful with one SIGTERM, in each KillMode', async () => {
    await Promise.all(
      KILL_MODES.map(async (mode) => {
        const service = await (await write({ lines: [`KillMode=${mode}`] })).startReady();
        await alone(service);
        expect(await service.show('StatusText')).toMatch(/^App ready after .*tcp/);
        expect((await service.systemctl('stop')).code).toBe(0);
        expect(service.story).toEqual(['started', 'ready', 'SIGTERM', 'graceful-end']);
        expect(await service.results()).toEqual(['success exited 0']);
      }),
    );
  });

  test(`${AT_ONCE} at once: no READY=1 is lost, and no app killed at its stop`, async () => {
    const template = await write({ probe: '--delay 1ms', command: '/bin/sleep 1000' });
    const name = template.name.replace('.', '@.');
    const file = `${systemd().unitDir}/${systemd().unit(template.name)}`;
    systemd().writeUnit(name, readFileSync(file, 'utf8'));
    const units = Array.from({ length: AT_ONCE }, (_, n) => systemd().unit(name).replace('@', `@${n}`));
    expect(await systemd().systemctl('start', ...units)).toMatchObject({ code: 0 });
    const list = await systemd().systemctl('list-units', '--plain', '--no-legend', '--state=active', ...units);
    expect(list.stdout.split('\n').filter(Boolean)).toHaveLength(AT_ONCE);
    expect(await systemd().systemctl('stop', ...units)).toMatchObject({ code: 0 });
    expect(await template.results(AT_ONCE)).toEqual(Array(AT_ONCE).fill('success killed TERM'));
  });

  test('systemd treats the app as its own child', async () => {
    expect(await systemd().managerLog()).not.toMatch(/which is not our child/);
  });
});

describeSystemd('an app before its handoff', ['system', 'user-1000', 'session'], (systemd) => {
  const write = (recipe: Parameters<typeof Service.write>[1] = {}) =>
    Service.write(systemd(), { ...recipe, options: `--handoff ${recipe.options ?? ''}` });

  test('a stop around the time of readiness is one SIGTERM with full grace, in each KillMode', async () => {
    const command = `/usr/bin/perl ${systemd().repo}/test/fixtures/systemd/counts-signals.pl`;
    await Promise.all(
      KILL_MODES.map(async (mode) => {
        const lines = ['StandardOutput=null', `KillMode=${mode}`, '[Unit]', 'StartLimitIntervalSec=0'];
        const service = await write({ probe: `--delay ${scaled(250)}ms`, command, lines });
        chmodSync(service.dir, 0o777);
        const signals = () =>
          existsSync(`${service.dir}/signals`) ? readFileSync(`${service.dir}/signals`, 'utf8').split('\n') : [];
        for (let n = 0; n < 2 * STOPS; n += 1) {
          rmSync(`${service.dir}/signals`, { force: true });
          const start = service.systemctl('start');
          if (n % 2 === 0) await start;
          else await until('the start', () => service.stderr.split('started the app').length > n + 1);
          if (n % 2 === 1) await new Promise((resolve) => setTimeout(resolve, scaled(200 + 8 * n)));
          await service.systemctl('stop');
          await start;
          const result = (await service.results(n + 1))[n];
          // an app whose end was not seen counts as killed by the signal: both are a success
          expect(['success exited 0', 'success killed TERM']).toContain(result);
          const got = signals().filter((signal) => signal && signal !== 'CONT');
          // an app that was stopped before it had its handlers prints nothing
          const early = n % 2 === 1 && result === 'success killed TERM' && got.length === 0;
          if (!early) expect(got).toEqual(['TERM', 'end']);
        }
      }),
    );
  });

  test.each([
    ['SIGKILL', 'signal killed KILL'],
    ['exit status 3', 'exit-code exited 3'],
  ])('Restart=on-failure after %s', async (how, result) => {
    const service = await write({ lines: ['Restart=on-failure', 'RestartSec=10ms'] });
    await service.startReady();
    const pid = await alone(service);
    if (how === 'SIGKILL') await systemd().run('sh', ['-c', `kill -KILL ${pid}`]);
    else service.letExit(3);
    await service.event('ready', 2);
    await until('the second run', async () => (await service.show('ActiveState')) === 'active');
    expect(await service.show('NRestarts')).toBe('1');
    expect(await service.results()).toEqual([result]);
    await service.systemctl('stop');
  });

  test('an app that dies as it becomes ready is a failure, with its own status if systemd saw it', async () => {
    const command = `/usr/bin/perl ${systemd().repo}/test/fixtures/systemd/obeys.pl sleep 20 exit 3`;
    const all = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const service = await write({ probe: `--delay ${15 + n}ms`, command, lines: ['RemainAfterExit=no'] });
        await service.systemctl('start');
        return (await service.results())[0];
      }),
    );
    expect(all.filter((result) => result !== 'exit-code exited 3' && result !== 'exit-code exited 1')).toEqual([]);
  });

  describe('before the app is ready', () => {
    test("the wrapper's --timeout, and systemd's TimeoutStartSec", async () => {
      const late = [
        await write({ options: `--timeout ${scaled(4000)}ms` }),
        await write({ lines: [`TimeoutStartSec=${scaled(4000)}ms`, 'KillMode=control-group'] }),
      ];
      for (const { code } of await Promise.all(late.map((service) => service.systemctl('start'))))
        expect(code).not.toBe(0);
      for (const { story } of late) expect(story).toEqual(['started', 'SIGTERM', 'graceful-end']);
      const results = await Promise.all(late.map((service) => service.results()));
      expect(results).toEqual([['exit-code exited 124'], ['timeout exited 0']]);
    });

    test('a stop is graceful with one SIGTERM, in each KillMode', async () => {
      await Promise.all(
        KILL_MODES.map(async (mode) => {
          const service = await write({ lines: [`KillMode=${mode}`] });
          const start = service.systemctl('start');
          await service.event('started');
          await service.systemctl('stop');
          await start;
          expect(service.story).toEqual(['started', 'SIGTERM', 'graceful-end']);
          expect(await service.results()).toEqual(['success exited 0']);
        }),
      );
    });

    test.each([
      ['a missing command', '/nowhere/app', 'exit-code exited 127'],
      ['a command that cannot be executed', '/etc/passwd', 'exit-code exited 126'],
      ['a missing interpreter', 'BROKEN', 'exit-code exited 127'],
      ['an app that ends at once', '/bin/true', 'protocol exited 0'],
      ['an app that fails at once', '/bin/false', 'exit-code exited 1'],
    ])('%s', async (_, command, result) => {
      const broken = `${systemd().makeDir()}/broken`;
      writeFileSync(broken, '#!/nowhere/interpreter\n', { mode: 0o755 });
      const service = await write({ command: command.replace('BROKEN', broken) });
      expect((await service.systemctl('start')).code).not.toBe(0);
      expect(await service.results(), service.stderr).toEqual([result]);
    });

    test('a signal to the main process or to all reaches the app, and the handoff still works', async () => {
      const service = await write();
      const start = service.systemctl('start');
      await service.event('started');
      await systemd().run('kill', ['-USR2', await service.show('MainPID')]);
      await service.event('SIGUSR2');
      await service.systemctl('kill', '--signal=HUP');
      await service.event('SIGHUP');
      service.letGo();
      expect(await start).toMatchObject({ code: 0 });
      await alone(service);
      expect(service.story).toEqual(['started', 'SIGUSR2', 'SIGHUP', 'ready']);
      await service.systemctl('stop');
    });
  });

  test('without a handoff for an app in another cgroup, the wrapper stays and pings', async () => {
    // a user's manager may not allow it
    if (systemd().mode !== 'system') return;
    const { repo, node } = systemd();
    const fixtures = `${repo}/test/fixtures/systemd`;
    const service = await write({
      command: `sh ${fixtures}/in-own-cgroup.sh ${node} ${fixtures}/gated-server.mjs`,
      lines: ['Delegate=yes', 'WatchdogSec=1s'],
    });
    await service.startReady();
    await until('the log', () => service.stderr.includes('the wrapper stays: the app has moved to another cgroup'));
    const heard = () => service.show('WatchdogTimestampMonotonic');
    const first = await heard();
    // a ping each half second, for longer than WatchdogSec=
    await until('pings', async () => Number(await heard()) - Number(first) > 1_500_000);
    await service.systemctl('stop');
    expect(await service.results()).toEqual([expect.stringMatching(/^success /)]);
  });

  test('stays and reports it if the wrapper is not the main process', async () => {
    const { node, repo } = systemd();
    const service = await Service.write(systemd(), { lines: ['NotifyAccess=all', 'ExecStart='] });
    const wrapped =
      `${node} ${repo}/bin/sd-ready-wrap.cjs --handoff --tcp ${service.port} -- ${node} ` +
      `${repo}/test/fixtures/systemd/gated-server.mjs`;
    systemd().writeUnit(
      service.name,
      [
        ...['[Service]', 'Type=notify', 'NotifyAccess=all', `Environment=DIR=${service.dir} PORT=${service.port}`],
        `StandardError=append:${service.dir}/stderr`,
        `ExecStart=/bin/sh -c '${wrapped}; exit $?'`,
        '',
      ].join('\n'),
    );
    await service.startReady();
    await until('the reason', () => /no handoff, the wrapper stays: .*is not systemd/.test(service.stderr));
    const { pid } = await service.event('started');
    expect(await service.show('MainPID')).not.toBe(pid);
    expect((await members(service)).length).toBeGreaterThan(2);
    await service.systemctl('stop');
  });
});

describeSystemd(
  'an app after a handoff and one that systemd started',
  ['system', 'user-1000', 'session'],
  (systemd) => {
    async function expectAlike(probe: string, instances: readonly string[], lines: readonly string[] = []) {
      const pair = new Pair(systemd(), { probe, options: '--handoff', lines });
      const { direct, wrapped } = await pair.run(instances);
      expect(wrapped).toEqual(direct);
      return pair;
    }
    const ends = [
      ...['0', '1', '3', '139', '255'].map((code) => `exit_${code}`),
      ...SIGNALS.map((name) => `die_${name}`),
    ];

    test('end alike before READY', async () => {
      await expectAlike('--file /nowhere/to/be/found', ends);
    });

    test('end alike after it', async () => {
      await expectAlike(
        '--delay 1ms',
        ends.map((end) => `ready_${end}`),
      );
    });

    test('dump the same core before READY', async () => {
      const lines = [
        'LimitCORE=infinity',
        'RuntimeDirectory=%N',
        'RuntimeDirectoryPreserve=yes',
        'WorkingDirectory=%t/%N',
      ];
      const pair = await expectAlike('--file /nowhere/to/be/found', ['die_SEGV'], lines);
      if (readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim() !== 'core') return;
      const runtime = systemd().mode === 'system' ? '/run' : `/run/user/${systemd().uid}`;
      const cores = (way: string) =>
        readdirSync(`${systemd().root}${runtime}/${pair.instance(way, 'die_SEGV').replace('.service', '')}`);
      expect(cores('direct')).toEqual(['core']);
      expect(cores('wrapped')).toEqual(['core', expect.stringMatching(/^sd-ready-wrap-core-/)]);
    });

    /** Specific to this start. */
    const OTHER = /^env (INVOCATION_ID|LISTEN_PID|LISTEN_PIDFDID|SYSTEMD_EXEC_PID)=/;

    test('have the same arguments and surroundings', async () => {
      const lines = [
        ...['LimitNOFILE=256:512', 'UMask=0027', 'Nice=5', 'WatchdogSec=600', 'LimitCORE=1M:2M', 'StandardInput=data'],
        ...['StandardInputText=hello', 'Environment="A=two  words" PWD=/nowhere k=1 v=2 c.d=3', 'OOMScoreAdjust=300'],
      ];
      const pair = new Pair(systemd(), {
        probe: '--delay 1ms',
        options: '--handoff',
        lines,
        words: `ready tell "a  b" "" -x`,
      });
      const { direct, wrapped } = await pair.run(['x']);
      expect(wrapped).toEqual(direct);
      const told = (way: string) =>
        pair.told(way).filter((line) => !OTHER.test(line) && !/^env WATCHDOG_PID=/.test(line));
      expect(told('wrapped')).toEqual(told('direct'));
      expect(told('wrapped')).toEqual(
        expect.arrayContaining([expect.stringMatching(/^env NOTIFY_SOCKET=/), 'env k=1']),
      );
      expect(pair.text('wrapped', 'stderr')).not.toMatch(/unshare|setsid|sh:/);
    });

    test('serve the sockets of a .socket unit', async () => {
      const pair = new Pair(systemd(), { probe: '--delay 1ms', options: '--handoff', words: 'ready serve tell' });
      const socket = pair.template('wrapped').replace('@.service', '.socket');
      const path = `${pair.dir}/one`;
      systemd().writeUnit(
        socket,
        ['[Socket]', `ListenStream=${path}`, `Service=${pair.instance('wrapped', 'x')}`, ''].join('\n'),
      );
      expect(await systemd().systemctl('start', socket)).toMatchObject({ code: 0 });
      expect(await text(createConnection(`${systemd().root}${path}`))).toBe('3\n');
      await until('the app to tell', () => pair.told('wrapped').length > 0);
      expect(pair.told('wrapped')).toEqual(expect.arrayContaining(['LISTEN_PID is its own', 'env LISTEN_FDS=1']));
      await systemd().systemctl('stop', socket, pair.instance('wrapped', 'x'));
    });
  },
);
