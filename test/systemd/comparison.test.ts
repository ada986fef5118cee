/**
 * Promise: indistinguishable from running the app directly. The same app in the same unit, directly and wrapped, side
 * by side. docs/transparency.md lists what is compared.
 */

import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { until } from '../helpers/systemd/private-systemd.js';
import { SYSTEMD_VERSION } from '../helpers/systemd/version.ts';
import { Pair } from './pair.ts';

/** The exit codes, in rows of this length: each is one direct and one wrapped start. */
const ROW = 32;
const CODES = Array.from({ length: 256 / ROW }, (_, row) => Array.from({ length: ROW }, (_code, n) => row * ROW + n));
/** All that end a process by default (signal(7)), except the real-time ones, which Node cannot name. */
const SIGNALS = Object.keys(constants.signals)
  .filter(
    (name) => !['SIGCHLD', 'SIGCONT', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGWINCH'].includes(name),
  )
  // second names of others
  .filter((name) => !['SIGIOT', 'SIGPOLL', 'SIGINFO', 'SIGLOST', 'SIGUNUSED', 'SIGBREAK'].includes(name))
  .map((name) => name.slice(3));
/** Specific to this start, or changed by the wrapper: docs/transparency.md names them. */
const OTHER = /^env (INVOCATION_ID|NOTIFY_SOCKET|LISTEN_PID|SYSTEMD_EXEC_PID|LISTEN_PIDFDID|MAINPID)=/;

const DEATHS = SIGNALS.flatMap((name) => [`die_${name}`, `ready_die_${name}`]);

describeSystemd('direct and wrapped alike', ['system', 'user-1000', 'session'], (systemd) => {
  async function expectAlike(pair: Pair, instances: readonly string[]): Promise<void> {
    const { direct, wrapped } = await pair.run(instances);
    expect(Object.values(direct).flat().length).toBeGreaterThanOrEqual(instances.length);
    expect(wrapped).toEqual(direct);
  }

  test.each(CODES.map((codes) => [codes[0], codes.at(-1), codes] as const))(
    'exit codes %i to %i, before READY and after it',
    async (_first, _last, codes) => {
      // each manager runs half of them before READY and half after it, the others the other way round
      const after = systemd().mode === 'system' ? 0 : 1;
      await expectAlike(
        new Pair(systemd()),
        codes.map((code) => `${code % 2 === after ? 'ready_' : ''}exit_${code}`),
      );
    },
  );

  test('death by every signal, before READY and after it', async () => {
    await expectAlike(new Pair(systemd()), DEATHS);
  });

  test('death by every signal, with core dumps', async () => {
    const lines = ['LimitCORE=infinity', 'RuntimeDirectory=%N', 'WorkingDirectory=%t/%N'];
    await expectAlike(new Pair(systemd(), { lines }), DEATHS);
  });

  test('SuccessExitStatus=', async () => {
    const lines = ['SuccessExitStatus=3 TEMPFAIL 250 SIGUSR1 SIGKILL'];
    const ends = [
      ...['0', '1', '3', '75', '250', '251'].map((code) => `exit_${code}`),
      'die_USR1',
      'die_USR2',
      'die_KILL',
    ];
    await expectAlike(new Pair(systemd(), { lines }), [...ends, ...ends.map((end) => `ready_${end}`)]);
  });

  test('death by every signal, with no room for a core', async () => {
    if (systemd().mode === 'user' && systemd().uid === 0) return;
    const lines = [
      'LimitCORE=infinity',
      'WorkingDirectory=/usr',
      ...(systemd().mode === 'system' ? ['User=daemon'] : []),
    ];
    await expectAlike(new Pair(systemd(), { lines }), ['die_SEGV', 'die_ABRT', 'die_QUIT']);
  });

  test("the core file is the app's; the wrapper's own is small and elsewhere", async () => {
    const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
    const pair = new Pair(systemd(), {
      lines: ['LimitCORE=infinity', 'RuntimeDirectory=%N', 'RuntimeDirectoryPreserve=yes', 'WorkingDirectory=%t/%N'],
    });
    const { direct, wrapped } = await pair.run(['die_SEGV']);
    expect(wrapped).toEqual(direct);
    // elsewhere a program takes them, each with its pid
    if (pattern !== 'core') return;
    const runtime = systemd().mode === 'system' ? '/run' : `/run/user/${systemd().uid}`;
    const path = (way: string) =>
      `${systemd().root}${runtime}/${pair.instance(way, 'die_SEGV').replace('.service', '')}`;
    const cores = readdirSync(path('wrapped'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      /core$/.test(name),
    );
    expect(cores.sort()).toEqual(['core', expect.stringMatching(/^sd-ready-wrap-core-.*\/core$/)]);
    const size = (file: string) => statSync(file).size;
    expect(size(`${path('wrapped')}/core`) / size(`${path('direct')}/core`)).toBeGreaterThan(0.7);
    const own = `${path('wrapped')}/${cores[1]}`;
    // its %e in core_pattern differs from the app's
    expect(readFileSync(own, 'latin1')).toContain('sd-ready-wrap\0');
    // count the blocks, because a core is full of holes
    expect(statSync(own).blocks * 512).toBeLessThan(200_000);
  });

  describe.each(['no', 'on-success', 'on-failure', 'on-abnormal', 'on-abort', 'on-watchdog', 'always'])(
    'Restart=%s',
    (policy) => {
      const ENDS = ['exit_0', 'exit_1', 'exit_3', 'exit_4', 'exit_5', 'die_TERM', 'die_SEGV', 'die_USR1', 'die_USR2'];

      test('restarts as often, before READY and after it', async () => {
        // the user manager runs one of them too
        if (systemd().mode !== 'system' && policy !== 'on-failure') return;
        const lines = [
          ...[`Restart=${policy}`, 'RestartSec=0', 'SuccessExitStatus=3 SIGUSR1'],
          ...['RestartPreventExitStatus=4 SIGUSR2', 'RestartForceExitStatus=5'],
          ...['[Unit]', 'StartLimitBurst=2', 'StartLimitIntervalSec=1h'],
        ];
        await expectAlike(new Pair(systemd(), { lines }), [...ENDS, ...ENDS.map((end) => `ready_${end}`)]);
      });
    },
  );

  describe('arguments and surroundings', () => {
    async function expectSame(
      lines: readonly string[],
      more = '',
      words = 'ready tell',
      byName = false,
    ): Promise<string[]> {
      const pair = new Pair(systemd(), { lines, words: `${words} ${more}`, byName });
      const { direct, wrapped } = await pair.run(['x']);
      expect(direct).toEqual({ x: ['success exited 0'] });
      expect(wrapped).toEqual(direct);
      const told = (way: string) => pair.told(way).filter((line) => !OTHER.test(line));
      expect(told('wrapped')).toEqual(told('direct'));
      return told('wrapped');
    }

    test('a plain unit', async () => {
      await expectSame([]);
    });

    test('IgnoreSIGPIPE=no', async () => {
      expect(await expectSame(['IgnoreSIGPIPE=no'])).toContainEqual(expect.stringMatching(/^SigIgn:\s+0{13}0/));
    });

    test('limits', async () => {
      const lines = [
        'LimitNOFILE=256:512',
        'LimitNPROC=900:1000',
        'LimitFSIZE=1000000000',
        'LimitCPU=100',
        'LimitSTACK=4M',
      ];
      await expectSame([...lines, 'LimitSIGPENDING=500', 'LimitMSGQUEUE=100000', 'LimitLOCKS=20', 'LimitMEMLOCK=64K']);
      const only = await expectSame(['LimitNOFILE=300:400']);
      expect(only).toContainEqual(expect.stringMatching(/open files +300 +400/));
    });

    test('limits, if only root may read the unit: not lower', async () => {
      if (systemd().mode !== 'system') return;
      const lines = ['User=daemon', 'LimitNOFILE=3000', 'Type=exec'];
      const pair = new Pair(systemd(), { lines, words: 'tell' });
      for (const way of ['direct', 'wrapped']) chmodSync(`${systemd().unitDir}/${pair.template(way)}`, 0o600);
      await pair.run(['x']);
      const told = (way: string) => pair.told(way).find((line) => line.includes('open files'));
      expect(told('wrapped')).toEqual(expect.stringMatching(/open files +3000 +3000/));
      expect(told('wrapped')).toBe(told('direct'));
    });

    test('umask, nice, scheduling, timers, personality, working directory', async () => {
      const lines = [
        'UMask=0027',
        'Nice=5',
        'OOMScoreAdjust=300',
        'CPUSchedulingPolicy=batch',
        'IOSchedulingClass=idle',
      ];
      const others = ['TimerSlackNSec=77us', 'CPUAffinity=0', 'WorkingDirectory=/usr', 'CoredumpFilter=0x37'];
      const told = await expectSame([...lines, ...others]);
      // 247 accepts CoredumpFilter= and keeps the default
      const filter = SYSTEMD_VERSION < 252 ? [] : ['coredump filter 00000037'];
      expect(told).toEqual(expect.arrayContaining(['oom 300', 'cwd /usr', 'slack 77000', ...filter]));
    });

    test('a negative Nice=, with CPUSchedulingResetOnFork=', async () => {
      // a user manager may not set it
      if (systemd().mode !== 'system') return;
      const told = await expectSame(['Nice=-5', 'CPUSchedulingResetOnFork=yes']);
      expect(told).toContainEqual(expect.stringMatching(/^priority \d+ nice -5 /));
    });

    test('arguments with spaces, empty ones, dashes, and characters special to shells and systemd', async () => {
      const more = `"a  b" "" -x --tcp -- '"' $$HOME %%i \\x2a * "\\t" ü -- --`;
      const told = await expectSame([], more);
      expect(told.filter((line) => line.startsWith('argument')).length).toBe(14);
    });

    test('the environment', async () => {
      const variables = [
        '"A=two  words"',
        'B=',
        '"C=\'"',
        'D=$HOME',
        'NODE_ENV=production',
        'PWD=/nowhere',
        '_=x',
        'SHLVL=4',
      ];
      const told = await expectSame([`Environment=${variables.join(' ')}`, 'UnsetEnvironment=LANG HOME']);
      expect(told).toEqual(expect.arrayContaining(['env A=two  words', 'env B=', 'env PWD=/nowhere', 'env SHLVL=4']));
    });

    // a shell runs between systemd and our Node in this case, and sets PWD and other variables
    test.each([
      ['from systemd', []],
      ['empty', ['NODE_OPTIONS=', 'NODE_EXTRA_CA_CERTS=', 'NODE_DEBUG=']],
      ['with all that a shell sets', ['PWD=/nowhere', 'OLDPWD=/gone', '_=x', 'SHLVL=4', 'NODE_OPTIONS=--no-warnings']],
    ])('the environment, started by its own name: %s', async (_, variables) => {
      const path = `PATH=${dirname(systemd().node)}:/usr/bin:/bin`;
      const told = await expectSame([`Environment=${[path, ...variables].join(' ')}`], '', 'ready tell', true);
      expect(told).toEqual(expect.arrayContaining(variables.map((each) => `env ${each}`)));
    });

    test('NODE_OPTIONS', async () => {
      await expectSame(['Environment="NODE_OPTIONS=--max-old-space-size=99 --no-deprecation"']);
    });

    test('stdin, and output to files', async () => {
      await expectSame(['StandardInput=file:/etc/os-release', 'StandardOutput=append:/dev/null']);
      await expectSame(['StandardInput=data', 'StandardInputText=hello', 'StandardOutput=null']);
    });

    test('privileges', async () => {
      // a user manager has none to give
      if (systemd().mode !== 'system') return;
      const lines = ['User=daemon', 'Group=nogroup', 'SupplementaryGroups=tty', 'NoNewPrivileges=yes'];
      const others = ['CapabilityBoundingSet=CAP_NET_BIND_SERVICE', 'AmbientCapabilities=CAP_NET_BIND_SERVICE'];
      await expectSame(
        [
          ...lines,
          ...others,
          'SystemCallFilter=@system-service',
          'SystemCallErrorNumber=EPERM',
          'ProtectSystem=full',
          'ProtectHome=yes',
          'Type=exec',
        ],
        '',
        'tell',
      );
    });

    test('a log probe replaces only the descriptor of its stream', async () => {
      const pair = new Pair(systemd(), { options: '--stdout never --ready-when any', words: 'ready tell' });
      expect((await pair.run(['x'])).wrapped).toEqual({ x: ['success exited 0'] });
      const differs = (way: string) => pair.told(way).filter((line) => !OTHER.test(line) && !line.startsWith('fd 1 '));
      expect(differs('wrapped')).toEqual(differs('direct'));
    });
  });

  describe('socket activation', () => {
    async function activated(way: string, lines: readonly string[] = []): Promise<{ told: string[]; heard: string[] }> {
      const pair = new Pair(systemd(), { lines, words: 'ready serve tell' });
      const paths = ['one', 'two'].map((name) => `${pair.dir}/${name}`);
      const socket = pair.template(way).replace('@.service', '.socket');
      systemd().writeUnit(
        socket,
        [
          '[Socket]',
          ...paths.map((path) => `ListenStream=${path}`),
          `Service=${pair.instance(way, 'x')}`,
          'FileDescriptorName=web',
          '',
        ].join('\n'),
      );
      const { code, stderr } = await systemd().systemctl('start', socket);
      if (code !== 0) throw new Error(stderr);
      const heard: string[] = [];
      for (const path of paths) heard.push(await text(createConnection(`${systemd().root}${path}`)));
      await until('the app to tell', () => pair.told(way).length > 0);
      await systemd().systemctl('stop', socket, pair.instance(way, 'x'));
      return { told: pair.told(way).filter((line) => !OTHER.test(line)), heard };
    }

    test('the app serves both sockets of a real .socket unit, on 3 and 4, with its own LISTEN_PID', async () => {
      const direct = await activated('direct');
      expect(direct.heard).toEqual(['3\n', '4\n']);
      expect(direct.told).toEqual(
        expect.arrayContaining(['LISTEN_PID is its own', 'env LISTEN_FDS=2', 'env LISTEN_FDNAMES=web:web']),
      );
      const wrapped = await activated('wrapped');
      expect(wrapped.heard).toEqual(direct.heard);
      const strip = (lines: string[]) => lines.map((line) => line.replaceAll(/pair-\d+|d-\w+/g, 'PAIR'));
      expect(strip(wrapped.told)).toEqual(strip(direct.told));
    });
  });
});
