/**
 * `npm run soak:unkind`: what nobody does on purpose. The helpers of the wrapper are killed and stopped at random
 * moments, the disk of the log is full, the unit is at its limits, the app is huge. Under a real system manager, so as
 * root.
 *
 * $SOAK_CYCLES: how many units with random kills, 60 if not set. $SOAK_SEED: the moments of an earlier run.
 */
import { randomInt } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scaled } from '../helpers/pace.js';
import { bootSystemd, possibleModes, type TestSystemd, until } from '../helpers/systemd/private-systemd.js';
import { Service } from '../systemd/service.ts';

const CYCLES = Number(process.env['SOAK_CYCLES'] ?? 60);
const SEED = Number(process.env['SOAK_SEED'] ?? randomInt(2 ** 31));
const TOGETHER = 4;
/** The most between two steps, ms. */
const MOMENT = 60;
const FIXTURES = 'test/fixtures/systemd';
const KILL_MODES = ['control-group', 'mixed', 'process'];
const SIGNALS = ['HUP', 'INT', 'QUIT', 'USR1', 'USR2', 'WINCH'] as const;

let systemd: TestSystemd;
const tell = (text: string) => writeSync(2, `${text}\n`);

beforeAll(async () => {
  const { modes, missing } = possibleModes();
  if (!modes.includes('system')) throw new Error(`no system manager: ${missing}`);
  systemd = await bootSystemd('system');
  tell(`SOAK_SEED=${SEED}`);
});

afterAll(() => systemd?.stop());

/** mulberry32: the same numbers from the same seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) % below;
  };
}

const linesOf = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []);

const times = (lines: readonly string[], word: string) => lines.filter((line) => line === word).length;

/** The helpers that the wrapper has now, by what they are. */
async function helpers(main: string): Promise<{ pid: string; what: 'canary' | 'cat' | 'shell' }[]> {
  const script = `for pid in $(cat /proc/${main}/task/*/children); do
    echo "$pid $(tr '\\0\\n' '  ' </proc/$pid/cmdline)"; done 2>/dev/null`;
  const { stdout } = await systemd.run('sh', ['-c', script]);
  return stdout.split('\n').flatMap((line) => {
    const [pid = '', ...words] = line.split(' ');
    const command = words.join(' ');
    if (/checks which signals/.test(command)) return { pid, what: 'canary' as const };
    if (/passes on what/.test(command)) return { pid, what: 'shell' as const };
    return /^\/bin\/cat /.test(command) ? { pid, what: 'cat' as const } : [];
  });
}

describe('helpers that are killed and stopped', () => {
  test(`${CYCLES} units: each signal reaches the app, none more than twice, and all end well`, async () => {
    const faults: string[] = [];
    const account = new Map<string, number>();
    const count = (what: string) => account.set(what, (account.get(what) ?? 0) + 1);

    const one = async (number: number) => {
      const random = randomFrom(SEED + number);
      const mode = KILL_MODES[random(KILL_MODES.length)];
      const service = await Service.write(systemd, {
        probe: '--stdout ^ready',
        command: `/usr/bin/perl ${systemd.repo}/${FIXTURES}/counts-signals.pl`,
        lines: [`KillMode=${mode}`, 'StandardOutput=null'],
      });
      const story: string[] = [`seed ${SEED + number}, KillMode=${mode}`];
      const got = () => linesOf(`${service.dir}/signals`);
      const sent = { main: new Map<string, number>(), all: new Map<string, number>() };
      let killed = false;
      const harm = async () => {
        const there = await helpers(await service.show('MainPID'));
        const victim = there[random(Math.max(1, there.length))];
        if (!victim) return;
        const signal = random(2) === 0 ? 'KILL' : 'STOP';
        killed ||= signal === 'KILL';
        story.push(`SIG${signal} for the ${victim.what}`);
        count(`SIG${signal} for the ${victim.what}`);
        await systemd.run('kill', [`-${signal}`, victim.pid]);
      };
      try {
        await service.systemctl('start', '--no-block');
        await pause(random(200));
        await harm();
        await until('READY=1', async () => (await service.show('ActiveState')) === 'active');
        for (let step = 3 + random(4); step > 0; step -= 1) {
          await pause(random(MOMENT));
          if (random(2) === 0) {
            await harm();
            continue;
          }
          const signal = SIGNALS[random(SIGNALS.length)] as string;
          const whom = random(2) === 0 ? 'main' : 'all';
          story.push(`SIG${signal} to ${whom}`);
          count(`signal to ${whom}`);
          const before = times(got(), signal);
          const toldBefore = service.stderr.split(`SIG${signal}`).length;
          await service.systemctl('kill', `--kill-whom=${whom}`, `--signal=${signal}`);
          sent[whom].set(signal, (sent[whom].get(signal) ?? 0) + 1);
          await until(`SIG${signal} to reach the app`, () => times(got(), signal) > before, scaled(20_000));
          await until(
            'the wrapper to have dealt with it',
            () => service.stderr.split(`SIG${signal}`).length > toldBefore,
          );
        }
        await pause(random(MOMENT));
        await service.systemctl('stop');
        const results = await service.results();
        if (results.join() !== 'success exited 0') faults.push(`${results}: ${story.join('; ')}`);
        if (times(got(), 'end') !== 1) faults.push(`no end: ${story.join('; ')}`);
        for (const signal of SIGNALS) {
          const [main, all] = [sent.main.get(signal) ?? 0, sent.all.get(signal) ?? 0];
          const had = times(got(), signal);
          if (had > main + all) count('signals that came twice');
          if (had < main + all || had > main + 2 * all) {
            faults.push(`SIG${signal} ${main} + ${all} times, got ${had} times: ${story.join('; ')}`);
          }
        }
      } catch (error) {
        faults.push(`${(error as Error).message}: ${story.join('; ')}\n${service.stderr}`);
        await service.systemctl('kill', '--signal=KILL');
      }
      if (!killed) count('units with none killed');
    };

    let next = 0;
    await Promise.all(
      Array.from({ length: TOGETHER }, async () => {
        while (next < CYCLES) await one(next++);
      }),
    );
    tell(
      [...account]
        .map(([what, number]) => `  ${String(number).padStart(5)}  ${what}`)
        .sort()
        .join('\n'),
    );
    tell(`${CYCLES} units, ${faults.length} faults`);
    expect(faults).toEqual([]);
  });
});

describe('a log on a full disk', () => {
  test.each(['--stdout ^ready', '--stderr ^ready', '--notify --stdout ^ready'])(
    '%s: READY=1, and the app lives',
    async (probe) => {
      for (const disk of ['/dev/full', 'a tmpfs']) {
        const service = await Service.write(systemd, { options: '--log-level debug', probe, command: 'COMMAND' });
        let target = disk;
        if (disk !== '/dev/full') {
          const mount = `${service.dir}/disk`;
          const fill = `mkdir ${mount} && mount -t tmpfs -o size=16k tmpfs ${mount} && cat /dev/zero >${mount}/zeros`;
          await systemd.run('sh', ['-c', fill]);
          target = `${mount}/log`;
        }
        const app =
          "/usr/bin/perl -e '$SIG{TERM} = sub { exec q(/bin/true) }; $SIG{PIPE} = sub { exit 9 }; $| = 1; " +
          'if ($ENV{NOTIFY_SOCKET}) { system q(systemd-notify), q(--ready) } ' +
          "while (1) { print STDERR qq(ready\\n); print STDOUT qq(ready\\n); select undef, undef, undef, 0.01 }'";
        const file = `${systemd.unitDir}/${service.name}`;
        const text = readFileSync(file, 'utf8')
          .replace('COMMAND', app.replaceAll('$', '$$$$$$$$').replaceAll('%', '%%'))
          .replace(/StandardError=.*/, `StandardError=append:${target}\nStandardOutput=append:${target}`);
        systemd.writeUnit(service.name, text);
        expect(await service.systemctl('start'), disk).toMatchObject({ code: 0 });
        await service.systemctl('kill', '--signal=WINCH');
        await pause(500);
        expect(await service.show('ActiveState'), disk).toBe('active');
        expect(await service.systemctl('stop'), disk).toMatchObject({ code: 0 });
        expect(await service.results(), disk).toEqual(['success exited 0']);
      }
    },
  );
});

describe('a unit at its limits', () => {
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const PROBES = ['--stdout ^ready', '--notify --ready-when any --stdout ^ready', '--exec true', '--delay 10ms'];
  const LIMITS = [
    ...range(4, 16).map((limit) => `TasksMax=${limit}`),
    // the same error of fork(2), where no controller counts tasks
    ...range(4, 16).map((limit) => `User=games\nLimitNPROC=${limit}`),
    ...range(20, 36).map((limit) => `LimitNOFILE=${limit}`),
  ];

  /** Whether Node itself starts there, which uses a pool of threads and some descriptors. */
  async function nodeStarts(limit: string): Promise<boolean> {
    const name = `bare-${limit.replace(/.*\n/, '').replace('=', '-')}.service`;
    const command = `${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs --version`;
    systemd.writeUnit(
      name,
      ['[Service]', 'Type=oneshot', 'TimeoutStartSec=5', 'StandardOutput=null', 'StandardError=null', limit]
        .concat(`ExecStart=${command}`, '')
        .join('\n'),
    );
    return (await systemd.systemctl('start', name)).code === 0;
  }

  test.each(PROBES)('%s: it starts, or one line says why not', async (probe) => {
    const faults: string[] = [];
    const account: string[] = [];
    for (const limit of LIMITS) {
      if (!(await nodeStarts(limit))) {
        account.push(`${limit.replace('\n', ' ')} no Node`);
        continue;
      }
      const service = await Service.write(systemd, {
        probe: `--timeout 10s ${probe}`,
        command: `/usr/bin/perl ${systemd.repo}/${FIXTURES}/counts-signals.pl`,
        lines: [limit, 'StandardOutput=null'],
      });
      chmodSync(service.dir, 0o777);
      const { code } = await service.systemctl('start');
      const about = `${limit} ${probe}: ${service.stderr}`;
      if (/^\s+at .*:\d+/m.test(service.stderr)) faults.push(`a stack trace: ${about}`);
      if (code === 0) {
        account.push(`${limit.replace('\n', ' ')} starts`);
        await service.systemctl('stop');
        continue;
      }
      const [result] = await service.results();
      // the first kind is the wrapper's log, the second what Node says of its own threads
      const errors = service.stderr.split('\n').filter((line) => !/"level":[345]0|^node\[\d+\]: /.test(line));
      account.push(`${limit.replace('\n', ' ')} ${result}: ${errors.join(' | ')}`);
      // where the app has the last tasks, Node finds no thread for its pool, and aborts without a word: nothing of ours
      // runs then (init_threads() in libuv's threadpool.c)
      if (!limit.includes('NOFILE') && result === 'signal killed ABRT') continue;
      // what may pass is waited for, and is then the reason
      const isTold =
        result === 'exit-code exited 124' &&
        /not ready after .*: ([^"]*EMFILE[^"]*|EAGAIN|[^"]*[Cc]annot fork[^"]*)"/.test(service.stderr);
      if (!isTold && (result !== 'exit-code exited 125' || errors.length !== 1)) faults.push(`${result}: ${about}`);
    }
    tell(`${probe}\n  ${account.join('\n  ')}`);
    expect(faults).toEqual([]);
  });
});

describe('a huge app', () => {
  const most = Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
  /** Where one process may not have so many descriptors, several have them together. */
  const SHARED = most > 50_100 ? 0 : Math.ceil(50_000 / (most - 100));
  const SIZES = { '2,000 children': [2000, 0], '50,000 descriptors': [SHARED, 50_000] } as const;

  /** MB */
  async function memory(pid: string, field: 'VmRSS' | 'VmHWM'): Promise<number> {
    const { stdout } = await systemd.run('cat', [`/proc/${pid}/status`]);
    return Math.round(Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(stdout)?.[1]) / 1024);
  }

  /** Of the processor, s. */
  async function used(pid: string): Promise<number> {
    const { stdout } = await systemd.run('cat', [`/proc/${pid}/stat`]);
    const [user = 0, system = 0] = stdout
      .slice(stdout.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return (user + system) / 100;
  }

  describe.each(Object.entries(SIZES))('with %s', (size, [children, descriptors]) => {
    test.each(['--listen any', 'auto', '--listen PORT', '--tcp PORT'])('%s finds the port', async (wanted) => {
      const service = await Service.write(systemd, {
        probe: 'PROBE',
        command: `/usr/bin/perl ${systemd.repo}/${FIXTURES}/has-many.pl ${children} ${descriptors}`,
        lines: [`LimitNOFILE=${most}`, 'TasksMax=infinity', 'StandardOutput=append:DIR/stdout'],
      });
      const probe = wanted === 'auto' ? '' : wanted.replace('PORT', `${service.port}`);
      const file = `${systemd.unitDir}/${service.name}`;
      const text = readFileSync(file, 'utf8').replace('PROBE', probe).replace('DIR/stdout', `${service.dir}/stdout`);
      systemd.writeUnit(service.name, text);
      const start = service.systemctl('start');
      await until('all to be there', () => linesOf(`${service.dir}/stdout`).includes('stands'), scaled(100_000));
      const main = await service.show('MainPID');
      const before = [performance.now(), await used(main)] as const;
      await pause(3000);
      const share = ((await used(main)) - before[1]) / ((performance.now() - before[0]) / 1000);
      const waiting = await memory(main, 'VmHWM');
      service.letGo();
      const { code } = await start;
      const late =
        Number(process.hrtime.bigint() / 1000n) / 1000 - Number(readFileSync(`${service.dir}/listens`, 'utf8'));
      tell(
        `${size}, ${wanted}: ready ${Math.round(late)} ms after listen(2), ` +
          `at most ${await memory(main, 'VmHWM')} MB ` +
          `(${waiting} MB while it waited, ${Math.round(share * 100)} % of a core)`,
      );
      expect(code, service.stderr).toBe(0);
      expect(late).toBeLessThan(scaled(5000));
      expect(waiting).toBeLessThan(100);
      await service.systemctl('stop');
    });
  });
});
