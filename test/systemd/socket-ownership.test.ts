/**
 * The app itself must cause READY=1: each way to listen, and each way in which another process may listen there too,
 * once with an app that serves and once with one that never does.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import type { ModeName } from '../helpers/systemd/private-systemd.js';
import { until } from '../helpers/until.ts';
import { Scene } from './scene.ts';

const MODES: readonly ModeName[] = ['user-1000', 'system', 'session'];

type Probe = 'tcp' | 'http' | 'unix' | 'listen' | 'auto';
type Situation =
  | 'alone'
  | 'shared by SO_REUSEPORT'
  | 'shared by Sockets='
  | 'leftover worker'
  | 'inherited'
  | 'foreign';

const PROBES: readonly Probe[] = ['tcp', 'http', 'unix', 'listen', 'auto'];
const SITUATIONS: readonly Situation[] = [
  'alone',
  'shared by SO_REUSEPORT',
  'shared by Sockets=',
  'leftover worker',
  'inherited',
  'foreign',
];
/** Two processes cannot bind one path. */
const CELLS = PROBES.flatMap((probe) => SITUATIONS.map((situation) => ({ probe, situation }))).filter(
  ({ probe, situation }) => !(probe === 'unix' && situation === 'shared by SO_REUSEPORT'),
);

/** Cases in which another process accepts the probe's connections, and reports it. */
const CONNECTS: readonly Probe[] = ['tcp', 'http', 'unix'];
const OTHERS: readonly Situation[] = ['shared by SO_REUSEPORT', 'shared by Sockets=', 'leftover worker', 'foreign'];

const OPTIONS: Readonly<Record<Probe, string>> = {
  tcp: '--tcp PORT',
  http: '--http http://127.0.0.1:PORT/',
  unix: '--unix PATH',
  listen: '--listen PORT',
  auto: '',
};

interface Case {
  readonly probe: Probe;
  readonly situation: Situation;
  readonly serves: boolean;
}

/** Prepares the situation and begins the start. @returns how many runs of the unit have ended when this one fails */
async function stage(scene: Scene, { probe, situation, serves }: Case): Promise<number> {
  const { systemd } = scene;
  const isUnix = probe === 'unix';
  const socket = () => scene.socket(scene.filled(isUnix ? 'PATH' : '127.0.0.1:PORT'));
  const bound = isUnix ? 'unix PATH' : 'bind 127.0.0.1:PORT';
  switch (situation) {
    case 'alone':
      break;
    case 'shared by SO_REUSEPORT':
      await scene.other('reuseport 127.0.0.1:PORT');
      break;
    case 'shared by Sockets=': {
      const sockets = `Sockets=${systemd.unit(await socket())}`;
      await scene.other('fd 3', [sockets]);
      await scene.edit({ 'ExecStart=': `${sockets}\nExecStart=` });
      break;
    }
    case 'inherited':
      await scene.edit({ 'ExecStart=': `Sockets=${systemd.unit(await socket())}\nExecStart=` });
      break;
    case 'leftover worker': {
      const sockets = `Sockets=${systemd.unit(await socket())}`;
      await scene.edit({ 'ExecStart=': `${sockets}\nExecStart=`, 'KillMode=mixed': 'KillMode=process' });
      const file = `${systemd.unitDir}/${systemd.unit(scene.service.name)}`;
      const text = readFileSync(file, 'utf8');
      const worker = scene.commandLine('PERL %DIR%/other fd 3');
      const first = text.replace(
        /(ExecStart=\S+ \S+) .*/,
        `$1 --delay 1ms -- /bin/sh -c '${worker} & exec sleep 1000'`,
      );
      writeFileSync(file, first);
      await systemd.systemctl('daemon-reload');
      await scene.mustStart(scene.service.name);
      await until('the worker to listen', () => scene.log('other').includes('listening'));
      await scene.service.systemctl('stop');
      writeFileSync(file, text);
      await systemd.systemctl('daemon-reload');
      await scene.begin();
      return 2;
    }
    case 'foreign': {
      const other = await scene.other(bound);
      await scene.begin();
      if (!serves || isUnix) return 1;
      await until('the app to find the port taken', () => scene.log('app').includes('busy'));
      // processes that connect have been answered by then
      if (CONNECTS.includes(probe)) await until('a connection', () => scene.log('other').includes('accepted'));
      expect(await scene.service.show('ActiveState')).toBe('activating');
      await systemd.systemctl('stop', other);
      return 1;
    }
  }
  await scene.begin();
  return 1;
}

function appOf({ probe, situation, serves }: Case): string {
  if (!serves) {
    // the next release, not ready, next to the old one, which is ready
    return probe === 'http' && situation === 'shared by SO_REUSEPORT'
      ? 'PERL %DIR%/app reuseport 127.0.0.1:PORT 503'
      : 'NODE never';
  }
  if (situation === 'shared by SO_REUSEPORT') return 'PERL %DIR%/app reuseport 127.0.0.1:PORT';
  if (situation === 'alone' || situation === 'foreign')
    return probe === 'unix' ? 'NODE path PATH' : 'NODE port 127.0.0.1:PORT';
  return 'NODE fd 3';
}

describeSystemd('socket ownership', MODES, (systemd) => {
  describe.concurrent('an app that serves is ready', () => {
    test.each(CELLS)('$probe, $situation', async ({ probe, situation }) => {
      const cell = { probe, situation, serves: true };
      const scene = await Scene.write(systemd(), OPTIONS[probe], appOf(cell));
      const runs = await stage(scene, cell);
      expect(await scene.outcome(runs), scene.service.stderr).toBe('ready');
      // the last connection may have gone to the foreign holder, just before it ended and the app listened
      if (CONNECTS.includes(probe) && situation !== 'foreign')
        await until('the app to have accepted', () => scene.log('app').includes('accepted'));
      else if (situation === 'foreign') await until('the app to listen', () => scene.log('app').includes('listening'));
      await scene.stop();
    });
  });

  describe.concurrent('an app that never serves is not ready', () => {
    test.each(CELLS)('$probe, $situation', async ({ probe, situation }) => {
      const cell = { probe, situation, serves: false };
      const scene = await Scene.write(systemd(), OPTIONS[probe], appOf(cell));
      const runs = await stage(scene, cell);
      expect(await scene.outcome(runs), scene.service.stderr).toBe('exit-code exited 124');
      // the probe did connect to the other process
      if (CONNECTS.includes(probe) && OTHERS.includes(situation)) expect(scene.log('other')).toContain('accepted');
      await scene.stop();
    });
  });

  describe.concurrent('further ways to accept', () => {
    const SHARED: readonly Situation[] = ['shared by Sockets=', 'inherited'];

    test.each(SHARED.flatMap((situation) => (['tcp', 'http'] as const).map((probe) => ({ probe, situation }))))(
      'workers of a cluster count: $probe, $situation',
      async ({ probe, situation }) => {
        const scene = await Scene.write(systemd(), OPTIONS[probe], 'NODE cluster 3');
        await stage(scene, { probe, situation, serves: true });
        expect(await scene.outcome(), scene.service.stderr).toBe('ready');
        await scene.stop();
      },
    );

    test.each(['tcp', 'http', 'listen'] as const)('a child that was passed the listener counts: %s', async (probe) => {
      const scene = await Scene.write(systemd(), OPTIONS[probe], 'NODE child PORT');
      await scene.begin();
      expect(await scene.outcome(), scene.service.stderr).toBe('ready');
      await scene.stop();
    });

    test.each([
      ['--tcp [::ffff:127.0.0.1]:PORT', '127.0.0.1:PORT'],
      ['--tcp [::ffff:127.0.0.1]:PORT', '[::]:PORT'],
      ['--http http://[::ffff:127.0.0.1]:PORT/', '[::]:PORT'],
      ['--tcp 127.0.0.1:PORT', '[::]:PORT'],
      ['--http http://127.0.0.1:PORT/', '[::]:PORT'],
      ['--tcp PORT', 'PORT'],
      ['--http http://[::1]:PORT/', 'PORT'],
    ])('%s with a shared socket of %s: ready if the app serves, not ready if it does not', async (options, where) => {
      for (const [app, wanted] of [
        ['NODE fd 3', 'ready'],
        ['NODE never', 'exit-code exited 124'],
      ] as const) {
        const scene = await Scene.write(systemd(), options, app);
        const sockets = `Sockets=${systemd().unit(await scene.socket(scene.filled(where)))}`;
        await scene.other('fd 3', [sockets]);
        await scene.edit({ 'ExecStart=': `${sockets}\nExecStart=` });
        await scene.begin();
        expect(await scene.outcome(), scene.service.stderr).toBe(wanted);
        if (app === 'NODE never') expect(scene.log('other')).toContain('accepted');
        await scene.stop();
      }
    });

    // netlink is refused, so that the wrapper reads the kernel's tables
    test.each(
      (['tcp', 'http', 'unix'] as const).flatMap((probe) => [true, false].map((serves) => ({ probe, serves }))),
    )('without netlink: $probe, an app that serves: $serves', async ({ probe, serves }) => {
      const cell = { probe, situation: 'shared by Sockets=', serves } as const;
      const options = `--log-level debug ${OPTIONS[probe]}`;
      const lines = ['RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6'];
      const scene = await Scene.write(systemd(), options, appOf(cell), lines);
      await stage(scene, cell);
      expect(await scene.outcome(), scene.service.stderr).toBe(serves ? 'ready' : 'exit-code exited 124');
      await until('the rule', () =>
        scene.service.stderr.includes('ownership decided by the accepting process (/proc)'),
      );
      await scene.stop();
    });

    test.each(['tcp', 'http'] as const)('--tcp-owner any: any process counts, %s', async (probe) => {
      const scene = await Scene.write(systemd(), `${OPTIONS[probe]} --tcp-owner any`, 'NODE never');
      await stage(scene, { probe, situation: 'shared by Sockets=', serves: false });
      expect(await scene.outcome(), scene.service.stderr).toBe('ready');
      await scene.stop();
    });

    test.each(SHARED)('an app that closes each connection with its answer counts: http, %s', async (situation) => {
      const scene = await Scene.write(systemd(), OPTIONS.http, 'NODE fd 3 end');
      await stage(scene, { probe: 'http', situation, serves: true });
      expect(await scene.outcome(), scene.service.stderr).toBe('ready');
      await scene.stop();
    });

    test.each([
      ['tcp', 'alone', 'NODE port 127.0.0.1:PORT close'],
      ['tcp', 'inherited', 'NODE fd 3 close'],
      ['unix', 'alone', 'NODE path PATH close'],
      ['unix', 'inherited', 'NODE fd 3 close'],
    ] as const)('an app that accepts and closes at once counts: %s, %s', async (probe, situation, app) => {
      const scene = await Scene.write(systemd(), OPTIONS[probe], app);
      await stage(scene, { probe, situation, serves: true });
      expect(await scene.outcome(), scene.service.stderr).toBe('ready');
      await scene.stop();
    });
  });
});

// a user's manager may not create one
describeSystemd('an app in a network namespace of its own', ['system'], (systemd) => {
  describe.concurrent('is judged by its sockets of our namespace', () => {
    test('not ready by a port in its own namespace', async () => {
      const scene = await Scene.write(systemd(), OPTIONS.tcp, '/usr/bin/unshare --net NODE port 127.0.0.1:PORT');
      await scene.other('bind 127.0.0.1:PORT');
      await scene.begin();
      expect(await scene.outcome(), scene.service.stderr).toBe('exit-code exited 124');
      expect(scene.log('app')).toContain('listening');
      expect(scene.log('other')).toContain('accepted');
      await scene.stop();
    });

    test.each(['tcp', 'http'] as const)('ready by an inherited socket: %s', async (probe) => {
      const scene = await Scene.write(systemd(), OPTIONS[probe], '/usr/bin/unshare --net NODE fd 3');
      await stage(scene, { probe, situation: 'shared by Sockets=', serves: true });
      expect(await scene.outcome(), scene.service.stderr).toBe('ready');
      await scene.stop();
    });
  });
});
