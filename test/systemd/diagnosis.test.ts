/** What an operator sees if a unit does not start, or not as it should. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { busyLoops } from '../helpers/busy-core.ts';
import { scaled } from '../helpers/pace.js';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { freePort, until } from '../helpers/systemd/private-systemd.js';
import { SYSTEMD_VERSION } from '../helpers/systemd/version.ts';
import { Service } from './service.ts';

const SHELL = "/bin/sh -c 'echo ready; while :; do sleep 1; done; true'";

describeSystemd('a misconfigured unit', ['user-1000', 'system', 'session'], (systemd) => {
  const systemctl = () => (systemd().mode === 'system' ? 'systemctl' : 'systemctl --user');

  test('not Type=notify: reports the type and how to change it', async () => {
    const service = await Service.write(systemd(), { lines: ['Type=simple', 'NotifyAccess=none'] });
    await service.startReady();
    await until('the warning', () => service.stderr.includes('NOTIFY_SOCKET'));
    const unit = systemd().unit(service.name);
    expect(service.stderr).toContain(
      `the unit needs Type=notify and has Type=simple; add it under [Service] (${systemctl()} edit ${unit})`,
    );
    await service.systemctl('stop');
  });

  test.each([
    ['mixed', 'sh -c does not forward SIGTERM, so the app is killed'],
    ['process', 'sh -c does not forward SIGTERM, so the app is left running'],
    ['control-group', ''],
  ])('KillMode=%s with a command that passes no signals on', async (mode, problem) => {
    const wrong = problem !== '';
    const lines = [`KillMode=${mode}`, 'StandardOutput=null'];
    const service = await Service.write(systemd(), { probe: '--stdout ^ready', command: SHELL, lines });
    expect(await service.systemctl('start')).toMatchObject({ code: 0 });
    if (wrong) await until('the warning', () => service.stderr.includes('KillMode='));
    await service.systemctl('stop');
    await service.results();
    expect(service.stderr.includes(`KillMode=${mode} of ${systemd().unit(service.name)}: ${problem}`)).toBe(wrong);
    expect(service.stderr.includes('write KillMode=control-group,')).toBe(wrong);
  });

  test.each([
    ['npm start', 'npm'],
    ['make serve', 'make'],
    ['start.sh', 'start.sh'],
    ['/bin/sh start.sh', 'sh start.sh'],
  ])('%s under KillMode=mixed: one warning', async (line, launcher) => {
    const dir = systemd().makeDir();
    for (const name of ['npm', 'make', 'start.sh'])
      writeFileSync(`${dir}/${name}`, '#!/bin/sh\necho ready\nsleep 600\n', { mode: 0o755 });
    const command = line.startsWith('/') ? line.replace('start.sh', `${dir}/start.sh`) : `${dir}/${line}`;
    const lines = ['KillMode=mixed', 'StandardOutput=null'];
    const service = await Service.write(systemd(), { probe: '--stdout ^ready', command, lines });
    await service.startReady();
    const warning = `${launcher} does not forward SIGTERM, so the app is killed`;
    await until('the warning', () => service.stderr.includes(warning));
    await service.systemctl('stop');
    await service.results();
    expect(service.stderr.split(warning)).toHaveLength(2);
  });
});

describeSystemd('a unit that contradicts its options', ['user-1000', 'session'], (systemd) => {
  test.each<[string, string, string[], RegExp]>([
    [
      'Type=exec',
      '',
      ['Type=exec'],
      /systemd does not wait for the app: service-\d+.* has Type=exec and needs Type=notify/,
    ],
    [
      'Type=oneshot',
      '',
      ['Type=oneshot'],
      /systemd waits for the wrapper to exit, not for READY=1: .* has Type=oneshot and needs Type=notify/,
    ],
    ['no WatchdogSec=', '--watchdog probe', [], /--watchdog probe has no effect without WatchdogSec=/],
    ['nobody who pings', '--watchdog off', ['WatchdogSec=1min'], /no WATCHDOG=1 is sent, so systemd will stop the app/],
  ])('%s: one warning', async (_, options, lines, warning) => {
    const service = await Service.write(systemd(), { options, lines });
    service.letGo();
    await service.systemctl('start', '--no-block');
    await until('the warning', () => warning.test(service.stderr));
    await service.systemctl('stop');
    expect(service.stderr.match(/"event":"warning"/g)).toHaveLength(1);
  });

  test.each(['main', 'none'])('Type=notify-reload, which old releases ignore, with NotifyAccess=%s', async (access) => {
    const lines = ['Type=simple', 'Type=notify-reload', `NotifyAccess=${access}`];
    const service = await Service.write(systemd(), { lines });
    await service.startReady();
    await until('READY=1', () => service.stderr.includes('"event":"ready"'));
    const taken = 'Type=simple (it needs systemd 253)';
    const warning = `has Type=notify-reload, which systemd ${SYSTEMD_VERSION} reads as ${taken}`;
    if (SYSTEMD_VERSION < 253) await until('the warning', () => service.stderr.includes(warning));
    await service.systemctl('stop');
    expect(service.stderr.includes('needs Type=notify')).toBe(SYSTEMD_VERSION < 253);
  });

  test('Type=notify with a drop-in that an old release ignores: no warning', async () => {
    const service = await Service.write(systemd(), { lines: ['Type=notify-reload'] });
    await service.startReady();
    await service.systemctl('stop');
    expect(service.stderr).not.toContain('needs Type=notify');
  });

  test('a manual stop during the start: no advice on the timeout', async () => {
    const service = await Service.write(systemd());
    const started = service.systemctl('start');
    await service.event('started');
    await service.systemctl('stop');
    await started;
    expect(service.stderr).toMatch(/SIGTERM after .*, before the app was ready/);
    expect(service.stderr).not.toContain("raise the unit's TimeoutStartSec=");
  });
});

describeSystemd('a unit that is not ready in time', ['user-1000', 'session'], (systemd) => {
  test('TimeoutStartSec= is over: reports what was pending, where the app listens, and what to raise', async () => {
    const awaited = await freePort();
    const service = await Service.write(systemd(), {
      probe: `--tcp ${awaited}`,
      lines: [`TimeoutStartSec=${scaled(7000)}ms`],
    });
    service.letGo();
    const started = service.systemctl('start');
    // after 5 s, while it is still pending
    const where = `the app listens on 127.0.0.1:${service.port}`;
    const hint = `${where} so far, not on 127.0.0.1:${awaited}`;
    await until('the advice', async () => (await service.show('StatusText')).includes(hint));
    expect(await started).toMatchObject({ code: 1 });
    expect(await service.results()).toEqual([expect.stringMatching(/^timeout /)]);
    expect(service.stderr).toMatch(
      new RegExp(`SIGTERM after .*, before the app was ready: tcp 127.0.0.1:${awaited}: ECONNREFUSED`),
    );
    expect(service.stderr.split(hint)).toHaveLength(2);
    expect(service.stderr.split(`${where}, not on 127.0.0.1:${awaited}`)).toHaveLength(2);
    expect(service.stderr).toContain("raise the unit's TimeoutStartSec=");
    // the output of `systemctl status` for the failed unit
    const status = await service.show('StatusText');
    expect(status).toMatch(/^stopped by SIGTERM after .*, before the app was ready/);
    expect(status).toContain(`${where}, not on 127.0.0.1:${awaited}`);
    expect(status).toContain("raise the unit's TimeoutStartSec=");
  });

  test('reports what to raise even if the app dies of SIGTERM at once, 20 times of 20', async () => {
    const probe = `--tcp ${await freePort()}`;
    // 20 wrappers have to boot within it
    const lines = [`TimeoutStartSec=${scaled(9000)}ms`, 'KillMode=control-group'];
    const recipe = { probe, command: '/bin/sleep 600', lines };
    const all = await Promise.all(Array.from({ length: 20 }, () => Service.write(systemd(), recipe)));
    const starts = all.map((service) => service.systemctl('start'));
    await until('20 apps', () => all.every(({ stderr }) => stderr.includes('started the app')));
    {
      using _ = busyLoops(4);
      await Promise.all(starts);
      await Promise.all(all.map((service) => service.results()));
    }
    const advised = await Promise.all(
      all.map(async (service) => [
        service.stderr.includes("raise the unit's TimeoutStartSec="),
        (await service.show('StatusText')).includes("raise the unit's TimeoutStartSec="),
      ]),
    );
    const without = all.find(({ stderr }) => !stderr.includes("raise the unit's TimeoutStartSec="));
    expect(advised, without?.stderr).toEqual(all.map(() => [true, true]));
  });

  test('TimeoutStartSec= is over after a late start of the wrapper: reports what to raise', async () => {
    const late = scaled(3000);
    const { node, repo } = systemd();
    const start = `exec ${node} ${repo}/bin/sd-ready-wrap.cjs --stdout never -- sleep 600`;
    const service = await Service.write(systemd(), {
      lines: [`TimeoutStartSec=${2 * late}ms`, 'ExecStart=', `ExecStart=/bin/sh -c 'sleep ${late / 1000}; ${start}'`],
    });
    expect(await service.systemctl('start')).toMatchObject({ code: 1 });
    await service.results();
    expect(await service.show('StatusText')).toContain("raise the unit's TimeoutStartSec=");
  });

  test('a short TimeoutStartSec= is over: reports where the app listens', async () => {
    const awaited = await freePort();
    const service = await Service.write(systemd(), {
      probe: `--tcp ${awaited}`,
      lines: [`TimeoutStartSec=${scaled(3000)}ms`],
    });
    service.letGo();
    expect(await service.systemctl('start')).toMatchObject({ code: 1 });
    await service.results();
    const advice = `the app listens on 127.0.0.1:${service.port}, not on 127.0.0.1:${awaited}`;
    expect(await service.show('StatusText')).toContain(advice);
    expect(service.stderr).toContain(advice);
  });

  test('does not attribute the sockets of others to an app that dies of the stop', async () => {
    const other = createServer().listen(`\0sd-ready-wrap-test-${process.pid}`);
    onTestFinished(() => void other.close());
    const command = `${systemd().node} -e 'setInterval(() => {}, 1000)'`;
    for (let start = 0; start < 3; start += 1) {
      const service = await Service.write(systemd(), {
        probe: '--stdout never',
        command,
        lines: [`TimeoutStartSec=${scaled(2000)}ms`],
      });
      expect(await service.systemctl('start')).toMatchObject({ code: 1 });
      await service.results();
      expect(await service.show('StatusText')).toMatch(/^stopped by SIGTERM after .*, before the app was ready/);
      expect(service.stderr).not.toMatch(/the app listens|is held by/);
    }
  });

  test('another unit holds the port: names that unit', async () => {
    const old = await Service.write(systemd());
    await old.startReady();
    const recipe = { probe: `--listen ${old.port}`, lines: [`Environment=PORT=${old.port}`] };
    const service = await Service.write(systemd(), recipe);
    service.letGo();
    expect(await service.systemctl('start')).toMatchObject({ code: 1 });
    await service.results();
    expect(await service.show('StatusText')).toMatch(
      new RegExp(`; port ${old.port} is held by node \\(pid \\d+, ${systemd().unit(old.name)}\\): free it, or`),
    );
    await old.systemctl('stop');
  });

  test('the app ignores the socket that systemd passed: names --take-sockets', async () => {
    const port = await freePort();
    const [socket, holder] = [`passed-${port}.socket`, `passed-${port}-holder.service`];
    const unit = (name: string) => systemd().unit(name);
    systemd().writeUnit(holder, '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n');
    systemd().writeUnit(socket, `[Socket]\nListenStream=127.0.0.1:${port}\nService=${unit(holder)}\n`);
    const lines = [`Sockets=${unit(socket)}`, `Environment=PORT=${port}`];
    const service = await Service.write(systemd(), { probe: `--tcp ${port}`, lines });
    expect(await systemd().systemctl('start', unit(socket))).toMatchObject({ code: 0 });
    const started = service.systemctl('start');
    const advice =
      `systemd passed the socket of port ${port} to this unit: if the app opens the port itself, ` +
      'add --take-sockets, or let it listen on that descriptor';
    // after 5 s, while it is still pending
    await until('the advice', async () => (await service.show('StatusText')).includes(advice));
    service.letGo();
    expect(await started).toMatchObject({ code: 1 });
    await service.results();
    expect(await service.show('StatusText')).toMatch(/exited with code 1 .*; systemd passed the socket/);
    await systemd().systemctl('stop', unit(socket), unit(holder));
  });

  test('a missing command: STATUS= reports it', async () => {
    const service = await Service.write(systemd(), { command: '/no/such/command' });
    expect(await service.systemctl('start')).toMatchObject({ code: 1 });
    expect(await service.results()).toEqual(['exit-code exited 127']);
    expect(await service.show('StatusText')).toMatch(/^cannot start \/no\/such\/command: not found/);
  });

  test('a command that goes into the background: advises to keep it in the foreground', async () => {
    const service = await Service.write(systemd(), { command: "/bin/sh -c 'sleep 100 &'" });
    expect(await service.systemctl('start')).toMatchObject({ code: 1 });
    expect(await service.results()).toEqual(['protocol exited 0']);
    expect(await service.show('StatusText')).toContain('it must stay in the foreground');
  });

  test('does not report that the app opened no port if it closed its port at the same SIGTERM', async () => {
    const probe = `--tcp ${await freePort()}`;
    const lines = [`TimeoutStartSec=${scaled(3000)}ms`, 'KillMode=control-group'];
    const service = await Service.write(systemd(), { probe, lines });
    service.letGo();
    expect(await service.systemctl('start')).toMatchObject({ code: 1 });
    await service.results();
    expect(service.story).toContain('ready');
    expect(service.stderr).toMatch(/SIGTERM after .*, before the app was ready/);
    expect(service.stderr).not.toContain('has not opened any port');
  });
});

describeSystemd('an app that dies at its start, under a user manager', ['user-1000'], (systemd) => {
  test('for a reserved port: advises no privilege, because the manager has none to grant', async () => {
    const command = `${systemd().node} -e 'require("net").createServer().listen(81, "127.0.0.1")'`;
    const service = await Service.write(systemd(), { probe: '--tcp 81', command });
    expect(await service.systemctl('start')).toMatchObject({ code: 1 });
    await service.results();
    expect(await service.show('StatusText')).toMatch(
      /port 81 needs a privilege that the app does not have: give the app a port from 1024 on$/,
    );
    const lines = ['AmbientCapabilities=CAP_NET_BIND_SERVICE'];
    const granted = await Service.write(systemd(), { probe: '--tcp 81', command, lines });
    expect(await granted.systemctl('start')).toMatchObject({ code: 1 });
    // EXIT_CAPABILITIES (systemd.exec(5), "Process Exit Codes")
    expect(await granted.show('ExecMainStatus')).toBe('218');
  });
});

describeSystemd('an app that dies at its start', ['system'], (systemd) => {
  test.each([
    [
      'because it lacks the privilege for its port',
      '--tcp 81',
      `-e 'require("net").createServer().listen(81, "127.0.0.1")'`,
      ['CapabilityBoundingSet=CAP_SYS_PTRACE'],
      /before it listened .*; port 81 needs a privilege .*: add AmbientCapabilities=CAP_NET_BIND_SERVICE/,
    ],
    [
      'by an error that only its own output names',
      '--tcp 3000',
      `-e 'require("no-such-module")'`,
      [],
      /exited with code 1 after .*, before it listened .*; its own output may say why$/,
    ],
  ] as const)('%s: the status says what to do', async (_, probe, args, lines, text) => {
    const service = await Service.write(systemd(), { probe, command: `${systemd().node} ${args}`, lines: [...lines] });
    expect(await service.systemctl('start')).toMatchObject({ code: 1 });
    await service.results();
    expect(await service.show('StatusText')).toMatch(text);
  });

  test('by its own error, with a socket from systemd: advises no privilege for the port', async () => {
    const command = `${systemd().node} -e 'process.exit(3)'`;
    const lines = ['CapabilityBoundingSet=CAP_SYS_PTRACE'];
    const service = await Service.write(systemd(), { probe: '--tcp 82', command, lines });
    const socket = service.name.replace('.service', '.socket');
    systemd().writeUnit(socket, '[Socket]\nListenStream=127.0.0.1:82\n');
    expect(await systemd().systemctl('start', socket)).toMatchObject({ code: 0 });
    expect(await service.systemctl('start')).toMatchObject({ code: 1 });
    await service.results();
    // the probe's connection starts the service again, so its StatusText= is not that of the first start
    await systemd().systemctl('stop', socket);
    expect(service.stderr).toContain('exited with code 3');
    expect(service.stderr).not.toContain('privilege');
  });
});
