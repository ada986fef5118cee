/** Names of sockets, both addresses of `localhost`, and ports that systemd holds: sources of false readiness. */
import { describe, expect, test } from 'vitest';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import type { ModeName } from '../helpers/systemd/private-systemd.js';
import { until } from '../helpers/until.ts';
import { Scene } from './scene.ts';

const MODES: readonly ModeName[] = ['user-1000', 'system', 'session'];
/** RFC 6761, 6.3: both loopback addresses, whatever the hosts file says. */
const LOCALHOST = ['--tcp localhost:PORT', '--tcp PORT', '--http http://localhost:PORT/', '--listen PORT'];
const NOT_READY = 'exit-code exited 124';

describeSystemd('sockets that are easily confused', MODES, (systemd) => {
  // the kernel shows the name that a socket was bound under, and never another (systemd/systemd#20635)
  describe.concurrent('a renamed Unix socket', () => {
    const OPTIONS = ['--unix PATH', '--listen PATH'];

    test.each(OPTIONS)('of another program, from before the start, does not count: %s', async (options) => {
      const scene = await Scene.write(systemd(), options, 'NODE never');
      await scene.other('rename PATH');
      await scene.begin();
      expect(await scene.outcome(), scene.service.stderr).toBe(NOT_READY);
      await scene.stop();
    });

    test.each(OPTIONS)('of another program, from after the start, does not count: %s', async (options) => {
      const scene = await Scene.write(systemd(), options, 'NODE never');
      await scene.begin();
      await until('the start', () => scene.service.stderr.includes('"event":"started"'));
      await scene.other('rename PATH');
      expect(await scene.outcome(), scene.service.stderr).toBe(NOT_READY);
      if (options.startsWith('--unix')) expect(scene.log('other')).toContain('accepted');
      await scene.stop();
    });

    test.each(OPTIONS)('of the app counts: %s', async (options) => {
      const scene = await Scene.write(systemd(), options, 'PERL %DIR%/app rename PATH');
      await scene.begin();
      expect(await scene.outcome(), scene.service.stderr).toBe('ready');
      await scene.stop();
    });

    test.each(OPTIONS)("of the app counts in the place of another program's: %s", async (options) => {
      const scene = await Scene.write(systemd(), options, 'PERL %DIR%/app rename PATH');
      await scene.other('rename PATH');
      await scene.begin();
      expect(await scene.outcome(), scene.service.stderr).toBe('ready');
      await scene.stop();
    });

    test('is not named in advice if the file is gone', async () => {
      const scene = await Scene.write(systemd(), '--unix PATH.other', 'PERL %DIR%/app rename PATH');
      await scene.begin();
      expect(await scene.outcome(), scene.service.stderr).toBe(NOT_READY);
      expect(scene.log('app')).toContain('listening');
      expect(scene.service.stderr).not.toContain(`${scene.path}.tmp`);
      await scene.stop();
    });
  });

  describe.concurrent('localhost', () => {
    test.each(LOCALHOST.flatMap((options) => ['127.0.0.1', '::1'].map((host) => [options, host] as const)))(
      '%s finds an app that listens on %s only',
      async (options, host) => {
        const scene = await Scene.write(systemd(), options, `NODE port ${host}:PORT`);
        await scene.begin();
        expect(await scene.outcome(), scene.service.stderr).toBe('ready');
        await scene.stop();
      },
    );

    test.each(LOCALHOST)('%s: another program on ::1 does not count', async (options) => {
      const scene = await Scene.write(systemd(), options, 'NODE never');
      await scene.other('bind ::1:PORT');
      await scene.begin();
      expect(await scene.outcome(), scene.service.stderr).toBe(NOT_READY);
      await scene.stop();
    });
  });

  describe.concurrent('a port that a socket unit of systemd holds', () => {
    const OPTIONS = ['--tcp PORT', '--http http://127.0.0.1:PORT/', '--listen PORT', ''];
    const APPS = [
      ['fails', 'NODE once PORT'],
      ['waits', 'NODE port 127.0.0.1:PORT'],
    ];

    test.each(APPS.flatMap(([end, app]) => OPTIONS.map((options) => [end, options, app] as const)))(
      'an app that %s gets advice about it: %s',
      async (_, options, app = '') => {
        const scene = await Scene.write(systemd(), options, app);
        const socket = await scene.socket();
        await scene.begin();
        expect(await scene.outcome(), scene.service.stderr).not.toBe('ready');
        expect(scene.service.stderr).toContain(systemd().unit(socket));
        expect(scene.service.stderr).toContain('Sockets=');
        await scene.stop();
      },
    );
  });
});

// a user's manager may not bind another file there
describeSystemd('localhost', ['system'], (systemd) => {
  describe.concurrent('any hosts file', () => {
    test.each(
      ['127.0.0.3 localhost', '::1 localhost', '127.0.0.1 localhost', '192.0.2.1 localhost', '# none'].flatMap(
        (hosts) =>
          LOCALHOST.slice(0, 3).flatMap((options) =>
            ['127.0.0.1', '::1'].map((host) => [hosts, options, host] as const),
          ),
      ),
    )('with "%s" in the hosts file, %s finds an app on %s', async (hosts, options, host) => {
      const file = `${systemd().makeDir()}/hosts`;
      const lines = [`BindReadOnlyPaths=${file}:/etc/hosts`];
      const scene = await Scene.write(systemd(), options, `NODE port ${host}:PORT`, lines);
      await systemd().run('sh', ['-c', `echo '${hosts}' >${file}`]);
      await scene.begin();
      expect(await scene.outcome(), scene.service.stderr).toBe('ready');
      await scene.stop();
    });
  });
});
