/**
 * READY=1 has to be earned by the app: each way to listen, and each way in which somebody else may listen there too,
 * once with an app that serves and once with one that never does.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import type { ModeName, TestSystemd } from '../helpers/systemd/private-systemd.js';
import { until } from '../helpers/until.ts';
import { Service } from './service.ts';

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

/** Where somebody else gets connections of the probe, and can say so. */
const CONNECTS: readonly Probe[] = ['tcp', 'http', 'unix'];
const OTHERS: readonly Situation[] = ['shared by SO_REUSEPORT', 'shared by Sockets=', 'leftover worker', 'foreign'];

/** A unit whose app may share what it listens on with another unit. */
class Scene {
  readonly systemd: TestSystemd;
  readonly service: Service;

  private constructor(systemd: TestSystemd, service: Service) {
    this.systemd = systemd;
    this.service = service;
  }

  /** @param command words of serves.mjs, or a whole command line; PORT, PATH and DIR are filled in */
  static async write(systemd: TestSystemd, probe: string, command: string, lines: readonly string[] = []) {
    const service = await Service.write(systemd, { probe: '--timeout 4s PROBE', command: 'COMMAND', lines });
    const scene = new Scene(systemd, service);
    await scene.edit({ PROBE: probe, COMMAND: scene.commandLine(command) });
    return scene;
  }

  get path(): string {
    return `${this.service.dir}/socket`;
  }

  /** Fills in, and lets systemd read it where it had been read before. */
  async edit(words: Readonly<Record<string, string>>): Promise<void> {
    const file = `${this.systemd.unitDir}/${this.systemd.unit(this.service.name)}`;
    let text = readFileSync(file, 'utf8');
    for (const [word, value] of Object.entries(words)) text = text.replace(word, this.filled(value));
    writeFileSync(file, text);
    await this.systemd.systemctl('daemon-reload');
  }

  filled(text: string): string {
    const { dir, port } = this.service;
    return text.replaceAll('PORT', `${port}`).replaceAll('PATH', this.path).replaceAll('%DIR%', dir);
  }

  commandLine(words: string): string {
    const { repo, node } = this.systemd;
    const program = words
      .replace(/(^| )PERL /, `$1/usr/bin/perl ${repo}/test/fixtures/apps/serves.pl `)
      .replace(/(^| )NODE /, `$1${node} ${repo}/test/fixtures/systemd/serves.mjs `);
    return this.filled(program);
  }

  /** Another unit that listens, and is back when it does. */
  async other(words: string, lines: readonly string[] = []): Promise<string> {
    const name = this.service.name.replace('service-', 'other-');
    this.systemd.writeUnit(
      name,
      ['[Service]', `ExecStart=${this.commandLine(`PERL %DIR%/other ${words}`)}`, ...lines, ''].join('\n'),
    );
    await this.mustStart(name);
    await until(`it to listen: ${words}`, () => this.log('other').includes('listening'));
    return name;
  }

  /** The socket of socket activation, which traffic does not make start anything. */
  async socket(where = this.filled('127.0.0.1:PORT')): Promise<string> {
    const name = this.service.name.replace('service-', 'shop-').replace('.service', '.socket');
    const holder = name.replace('.socket', '-holder.service');
    const units = this.systemd;
    units.writeUnit(holder, '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n');
    units.writeUnit(name, `[Socket]\nListenStream=${where}\nService=${units.unit(holder)}\n`);
    await this.mustStart(name);
    return name;
  }

  async mustStart(name: string): Promise<void> {
    const { code, stderr } = await this.systemd.systemctl('start', name);
    if (code !== 0) throw new Error(stderr);
  }

  log(who: 'other' | 'app'): string[] {
    const file = `${this.service.dir}/${who}`;
    return existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .map((line) => line.split(' ')[0] ?? '')
      : [];
  }

  async begin(): Promise<void> {
    await this.service.systemctl('start', '--no-block');
  }

  /** What comes of it: `ready`, or the results of the run that failed. */
  async outcome(runs = 1): Promise<string> {
    return until(
      () => `an outcome; stderr: ${this.service.stderr}`,
      async () => {
        if ((await this.service.show('ActiveState')) === 'active') return 'ready';
        const file = `${this.service.dir}/results`;
        const results = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
        return results.length >= runs && results.at(-1);
      },
    );
  }

  async stop(): Promise<void> {
    const all = ['service-', 'other-'].map((prefix) => this.service.name.replace('service-', prefix));
    const socket = this.service.name.replace('service-', 'shop-').replace('.service', '.socket');
    for (const name of [...all, socket]) await this.systemd.systemctl('stop', name);
  }
}

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

/**
 * Begins the start in its surroundings.
 * @returns how many runs of the unit have ended by the time that this one has failed
 */
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
      // those that connect have been answered by then
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
    // the next release, which is not ready, beside the old one, which is
    return probe === 'http' && situation === 'shared by SO_REUSEPORT'
      ? 'PERL %DIR%/app reuseport 127.0.0.1:PORT 503'
      : 'NODE never';
  }
  if (situation === 'shared by SO_REUSEPORT') return 'PERL %DIR%/app reuseport 127.0.0.1:PORT';
  if (situation === 'alone' || situation === 'foreign')
    return probe === 'unix' ? 'NODE path PATH' : 'NODE port 127.0.0.1:PORT';
  return 'NODE fd 3';
}

describeSystemd('whose sign', MODES, (systemd) => {
  describe.concurrent('an app that serves is ready', () => {
    test.each(CELLS)('$probe, $situation', async ({ probe, situation }) => {
      const cell = { probe, situation, serves: true };
      const scene = await Scene.write(systemd(), OPTIONS[probe], appOf(cell));
      const runs = await stage(scene, cell);
      expect(await scene.outcome(runs), scene.service.stderr).toBe('ready');
      if (CONNECTS.includes(probe))
        await until('the app to have accepted', () => scene.log('app').includes('accepted'));
      await scene.stop();
    });
  });

  describe.concurrent('one that never does is not', () => {
    test.each(CELLS)('$probe, $situation', async ({ probe, situation }) => {
      const cell = { probe, situation, serves: false };
      const scene = await Scene.write(systemd(), OPTIONS[probe], appOf(cell));
      const runs = await stage(scene, cell);
      expect(await scene.outcome(runs), scene.service.stderr).toBe('exit-code exited 124');
      // the probe had its chance to be taken in
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
    ])('%s of a socket of %s that two share: who serves is ready, who does not is not', async (options, where) => {
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

    test.each(['tcp', 'http'] as const)('--tcp-owner any: anybody counts, %s', async (probe) => {
      const scene = await Scene.write(systemd(), `${OPTIONS[probe]} --tcp-owner any`, 'NODE never');
      await stage(scene, { probe, situation: 'shared by Sockets=', serves: false });
      expect(await scene.outcome(), scene.service.stderr).toBe('ready');
      await scene.stop();
    });

    test.each(['alone', 'inherited'] as const)('an app that accepts and closes at once: tcp, %s', async (situation) => {
      const app = situation === 'alone' ? 'NODE port 127.0.0.1:PORT close' : 'NODE fd 3 close';
      const scene = await Scene.write(systemd(), OPTIONS.tcp, app);
      await stage(scene, { probe: 'tcp', situation, serves: true });
      expect(await scene.outcome(), scene.service.stderr).toBe('ready');
      await scene.stop();
    });

    test('an app that listens in a network namespace of its own is not ready by a port of ours', async () => {
      // a user's manager may not make one
      if (systemd().mode !== 'system') return;
      const scene = await Scene.write(systemd(), OPTIONS.tcp, '/usr/bin/unshare --net NODE port 127.0.0.1:PORT');
      await scene.other('bind 127.0.0.1:PORT');
      await scene.begin();
      expect(await scene.outcome(), scene.service.stderr).toBe('exit-code exited 124');
      expect(scene.log('app')).toContain('listening');
      expect(scene.log('other')).toContain('accepted');
      await scene.stop();
    });

    test.each(['tcp', 'http'] as const)('but by a socket of ours that it was given it is: %s', async (probe) => {
      if (systemd().mode !== 'system') return;
      const scene = await Scene.write(systemd(), OPTIONS[probe], '/usr/bin/unshare --net NODE fd 3');
      await stage(scene, { probe, situation: 'shared by Sockets=', serves: true });
      expect(await scene.outcome(), scene.service.stderr).toBe('ready');
      await scene.stop();
    });
  });
});
