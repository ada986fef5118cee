/**
 * Promise: --watchdog. An unhealthy app gets no WATCHDOG=1, and systemd acts; a healthy app lives on, however busy the
 * machine is.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { scaled } from '../helpers/pace.js';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { type TestSystemd, until } from '../helpers/systemd/private-systemd.js';
import { Service } from './service.ts';

// biome-ignore lint/suspicious/noTemplateCurlyInString: systemd puts it in
const HTTP = '--http http://127.0.0.1:${PORT}/';

interface Watched {
  readonly options: string;
  readonly probe?: string;
  readonly sec?: string;
  readonly lines?: readonly string[];
  /** A shell script instead of the app. */
  readonly script?: string;
}

/** Starts until ready, by default with WatchdogSec= of one second (at this machine's pace). */
async function start(systemd: TestSystemd, { options, probe, sec, lines, script }: Watched): Promise<Service> {
  let command = `${systemd.node} ${systemd.repo}/test/fixtures/systemd/falls-ill.mjs`;
  if (script !== undefined) {
    const file = `${systemd.makeDir()}/app.sh`;
    writeFileSync(file, script, { mode: 0o644 });
    command = `/bin/sh ${file}`;
  }
  const service = await Service.write(systemd, {
    options,
    command,
    ...(probe && { probe }),
    lines: [`WatchdogSec=${sec ?? `${scaled(1000)}ms`}`, 'StandardOutput=null', ...(lines ?? [])],
  });
  return service.startReady();
}

function fallIll(service: Service, how: string): void {
  writeFileSync(`${service.dir}/ill.new`, how);
  renameSync(`${service.dir}/ill.new`, `${service.dir}/ill`);
}

async function stopApp(service: Service): Promise<void> {
  const { pid } = await service.event('ready');
  await service.systemd.run('kill', ['-STOP', pid]);
}

/** Pings from a shell, until the file `ill` is there. */
const PINGS = `systemd-notify --ready
while [ ! -e "$DIR/ill" ]; do systemd-notify WATCHDOG=1; sleep 0.1; done
exec sleep 1000
`;

const ILLNESSES: Record<string, [Watched, (service: Service) => unknown, RegExp]> = {
  'loop, and it hangs in a loop': [
    { options: '--watchdog loop' },
    (service) => fallIll(service, 'loop'),
    /unhealthy for .*: its event loop is blocked; WATCHDOG=1 is not sent/,
  ],
  'loop, and it is stopped': [{ options: '--watchdog loop' }, stopApp, /its event loop is blocked/],
  'probe, and it stops answering': [
    { options: '--watchdog probe', probe: HTTP },
    (service) => fallIll(service, 'deaf'),
    /unhealthy for .*: http http:\/\/127\.0\.0\.1:\d+\/: no response (yet|within)/,
  ],
  'probe, and it is stopped': [
    { options: '--watchdog probe', probe: HTTP },
    stopApp,
    /unhealthy for .*: http .*: no response (yet|within)/,
  ],
  'app by IPC, and it stops pinging': [
    { options: '--watchdog app', probe: '--ipc', lines: [`Environment=PING=${scaled(200)}`] },
    (service) => fallIll(service, 'quiet'),
    /unhealthy for .*: it sent no WATCHDOG=1/,
  ],
  'app by --notify, and it stops pinging': [
    { options: '--watchdog app', probe: '--notify', script: PINGS },
    (service) => fallIll(service, 'quiet'),
    /it sent no WATCHDOG=1/,
  ],
  'app, ready by --tcp alone, and it never pings': [{ options: '--watchdog app' }, () => {}, /it sent no WATCHDOG=1/],
  'process, and it calls for it itself': [
    {
      options: '',
      probe: '--notify',
      script:
        'systemd-notify --ready\nuntil [ -e "$DIR/ill" ]; do sleep 0.02; done\nsystemd-notify ' +
        'WATCHDOG=trigger\nexec sleep 1000\n',
    },
    (service) => fallIll(service, 'trigger'),
    /forwarded SIGABRT/,
  ],
  'app, with another interval from then on': [
    {
      options: '--watchdog app',
      sec: '1h',
      probe: '--notify',
      script: 'systemd-notify --ready\nsystemd-notify WATCHDOG_USEC=700000\nexec sleep 1000\n',
    },
    () => {},
    /unhealthy for 630 ms: it sent no WATCHDOG=1/,
  ],
};

describeSystemd('an unhealthy app', ['user-1000', 'system', 'session'], (systemd) => {
  test('is killed with SIGABRT after the log gave the reason, and lives on if it recovers in time', async () => {
    const recovers = recover(systemd());
    const all = await Promise.all(
      Object.entries(ILLNESSES).map(async ([name, [watched, fall, why]]) => {
        const service = await start(systemd(), watched);
        await fall(service);
        const results = await service.results();
        return { name, results, log: service.stderr, status: await service.show('StatusText'), why };
      }),
    );
    for (const { name, results, log, status, why } of all) {
      expect(results, `${name}: ${log}`).toEqual(['watchdog killed ABRT']);
      expect(log, name).toMatch(why);
      expect(log.slice(log.search(why)), name).toContain('forwarded SIGABRT to the app');
      const end = /the app was killed by SIGABRT[^"]*/.exec(log)?.[0];
      const before = /unhealthy for .*?: (.*?); /.exec(log)?.[1];
      expect(end, name).toBe(`the app was killed by SIGABRT${before ? `; unhealthy before: ${before}` : ''}`);
      expect(status, name).toBe(end);
    }
    await recovers;
  });
});

/** Long enough in a loop to count as unhealthy, and then released. */
async function recover(systemd: TestSystemd): Promise<void> {
  const service = await start(systemd, { options: '--watchdog loop', sec: `${scaled(3000)}ms` });
  const text = await service.show('StatusText');
  fallIll(service, 'loop');
  await until('the log', () => service.stderr.includes('the app has been unhealthy for'));
  expect(await service.show('StatusText')).toMatch(/^App \(pid \d+\) unhealthy for .*: its event loop is blocked$/);
  writeFileSync(`${service.dir}/well`, '');
  await service.event('well');
  await until('the log', () => service.stderr.includes('the app is healthy again'));
  await until('the status', async () => (await service.show('StatusText')) === text);
  expect(await service.show('ActiveState')).toBe('active');
  expect((await service.systemctl('stop')).code).toBe(0);
}

describeSystemd('an app that is being stopped', ['user-1000', 'system', 'session'], (systemd) => {
  // closed by the app at once, which then takes three times WatchdogSec= to finish
  const script = `touch "$DIR/open"
trap 'rm "$DIR/open"; sleep ${scaled(3000) / 1000}; exit 0' TERM INT
while :; do sleep 1000 & wait; done
`;
  test.each(['SIGTERM', 'SIGINT'])('by %s may take its time under --watchdog probe', async (signal) => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: systemd puts it in
    const options = "--watchdog probe --exec 'test -e ${DIR}/open'";
    const lines = [`KillSignal=${signal}`, `TimeoutStopSec=${scaled(20)}`];
    const service = await start(systemd(), { options, probe: ' ', script, lines });
    await service.systemctl('stop');
    expect(await service.results(), service.stderr).toEqual(['success exited 0']);
    expect(service.stderr).not.toContain('is not sent');
  });
});

describeSystemd('a healthy app', ['system', 'session'], (systemd) => {
  test('lives on while all processors are busy, and so does a looping one under --watchdog process', async () => {
    const healthy: Watched[] = [
      { options: '' },
      { options: '--watchdog loop' },
      { options: '--watchdog loop', sec: `${scaled(300)}ms` },
      { options: '--watchdog probe', probe: `${HTTP} --tcp $PORT --listen any --exec true` },
      { options: '--watchdog app', probe: '--ipc', lines: [`Environment=PING=${scaled(250)}`] },
      // another interval: systemd's and ours
      {
        options: '',
        sec: '1h',
        probe: '--notify',
        script: `systemd-notify --ready WATCHDOG_USEC=${scaled(500_000)}\nexec sleep 99\n`,
      },
    ];
    const looping = await start(systemd(), { options: '--watchdog process' });
    fallIll(looping, 'loop');
    const services = [looping, ...(await Promise.all(healthy.map((watched) => start(systemd(), watched))))];
    const states = () => Promise.all(services.map((service) => service.show('ActiveState')));
    const burners = Array.from({ length: 2 * availableParallelism() }, burn);
    try {
      const end = performance.now() + scaled(4000);
      await until('the end, or of one of them', async () => {
        return performance.now() > end || (await states()).some((state) => state !== 'active');
      });
    } finally {
      for (const burner of burners) burner.kill('SIGKILL');
    }
    expect(await states(), services.map(({ stderr }) => stderr).join('\n---\n')).toEqual(services.map(() => 'active'));
    for (const service of services.slice(1)) expect(service.stderr).not.toContain('unhealthy');
    await systemd().systemctl('kill', '--signal=KILL', looping.name);
    await Promise.all(services.slice(1).map((service) => service.systemctl('stop')));
  });
});

function burn(): ChildProcess {
  return spawn('/bin/sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
}
