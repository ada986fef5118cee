/**
 * `npm run soak`: hundreds of starts, stops, crashes and kills, at random moments, with every core busy, of the same
 * app directly and wrapped, under a real systemd. Counts the differences and the leftovers.
 *
 * $SOAK_CYCLES: the number, 1000 by default. $SOAK_MODE: the manager, by default that of uid 1000.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NODE } from '../helpers/apps.ts';
import {
  bootSystemd,
  type ModeName,
  possibleModes,
  type TestSystemd,
  until,
} from '../helpers/systemd/private-systemd.js';
import { Pair } from '../systemd/pair.ts';

const CYCLES = Number(process.env['SOAK_CYCLES'] ?? 1000);
const TOGETHER = 8;
/** The longest pause of a cycle between two steps, ms. */
const MOMENT = 60;
const KILL_MODES = ['control-group', 'mixed', 'process'];
const SIGNALS = ['TERM', 'INT', 'HUP', 'KILL', 'SEGV', 'ABRT', 'USR2', 'PIPE'];

interface Cycle {
  /** The app's commands (see obeys.pl). */
  readonly words: string;
  /** The actions on a unit that runs it. */
  readonly drive: (unit: Unit) => Promise<void>;
  /** Its last action is SIGKILL for all, after which only systemd can clean up. */
  readonly abrupt?: boolean;
}

class Unit {
  readonly name: string;
  readonly #pair: Pair;
  readonly #way: string;
  readonly #label: string;

  constructor(pair: Pair, way: string, instance: string, label: string) {
    this.#pair = pair;
    this.#way = way;
    this.#label = label;
    this.name = pair.instance(way, instance);
  }

  systemctl(...args: string[]) {
    return this.#pair.systemd.systemctl(...args, this.name);
  }

  /** What the app wrote about itself. */
  get story(): string {
    return this.#pair.text(this.#way, this.#label);
  }

  heard(what: string): Promise<unknown> {
    return until(`${what} of ${this.name}`, () => this.story.includes(what), 50_000);
  }
}

/** A possible life of a unit; the random moments are the same for both. */
function anyCycle(): Cycle {
  const moment = randomInt(MOMENT);
  const after = randomInt(MOMENT);
  const code = randomInt(256);
  const signal = SIGNALS[randomInt(SIGNALS.length)];
  const start = (unit: Unit) => unit.systemctl('start');
  const stop = (unit: Unit) => unit.systemctl('stop');
  const cycles: Cycle[] = [
    { words: `sleep_${moment}_exit_${code}`, drive: async (unit) => void (await start(unit)) },
    { words: `sleep_${moment}_die_${signal}`, drive: async (unit) => void (await start(unit)) },
    { words: `ready_sleep_${moment}_exit_${code}`, drive: async (unit) => void (await start(unit)) },
    { words: `ready_sleep_${moment}_die_${signal}`, drive: async (unit) => void (await start(unit)) },
    {
      words: 'handle_sleep_20_ready_wait',
      drive: async (unit) => {
        await start(unit);
        await pause(moment);
        await stop(unit);
      },
    },
    {
      words: 'handle_mark_wait',
      drive: async (unit) => {
        await unit.systemctl('start', '--no-block');
        await unit.heard('mark');
        await pause(moment);
        await stop(unit);
      },
    },
    {
      words: 'handle_ready_wait',
      drive: async (unit) => {
        await start(unit);
        await pause(moment);
        await unit.systemctl('restart');
        await pause(after);
        await stop(unit);
      },
    },
    {
      words: 'handle_ready_wait',
      drive: async (unit) => {
        await start(unit);
        await pause(moment);
        await unit.systemctl('kill', '--signal=USR1');
        await unit.heard('USR1');
        await pause(after);
        await unit.systemctl('kill', '--kill-whom=main', '--signal=HUP');
        await unit.heard('HUP');
        await stop(unit);
      },
    },
    {
      words: 'handle_ready_wait',
      drive: async (unit) => {
        await start(unit);
        await pause(moment);
        await unit.systemctl('kill', '--kill-whom=main', '--signal=TERM');
        await unit.heard('TERM');
      },
    },
    {
      words: 'ready_wait',
      abrupt: true,
      drive: async (unit) => {
        await start(unit);
        await pause(moment);
        await unit.systemctl('kill', '--signal=KILL');
      },
    },
  ];
  return cycles[randomInt(cycles.length)] as Cycle;
}

let systemd: TestSystemd;
const busy: ChildProcess[] = [];

beforeAll(async () => {
  const { modes, missing } = possibleModes();
  const mode = (process.env['SOAK_MODE'] ?? modes.find((each) => each === 'user-1000') ?? modes[0]) as ModeName;
  if (!mode) throw new Error(missing);
  systemd = await bootSystemd(mode);
  for (let core = 0; core < availableParallelism(); core += 1) busy.push(spawn(NODE, ['-e', 'for (;;);']));
});

afterAll(async () => {
  for (const each of busy) each.kill('SIGKILL');
  await systemd.stop();
});

test(`${CYCLES} cycles, direct and wrapped`, async () => {
  const lines = ['TimeoutStopSec=60', 'TimeoutStartSec=60'];
  const pairs = KILL_MODES.map((mode) => ({
    tidy: new Pair(systemd, { lines: [...lines, `KillMode=${mode}`] }),
    abrupt: new Pair(systemd, { lines: [...lines, `KillMode=${mode}`, 'RuntimeDirectory=%N'] }),
  }));
  const differences: string[] = [];
  const kinds = new Map<string, number>();
  const before = await leftovers();
  let done = 0;

  const one = async (number: number) => {
    const cycle = anyCycle();
    const label = `c${number}`;
    const instance = `${label}_${cycle.words}`;
    const of = pairs[randomInt(pairs.length)];
    const pair = of?.[cycle.abrupt ? 'abrupt' : 'tidy'] as Pair;
    const ways = ['direct', 'wrapped'] as const;
    const units = ways.map((way) => new Unit(pair, way, instance, label));
    const failures: unknown[] = [];
    await Promise.all(units.map((unit) => cycle.drive(unit).catch((error: unknown) => failures.push(error))));
    const { direct, wrapped } = await pair.ended([instance]);
    const [one, other] = units.map((unit, index) => {
      const runs = [direct, wrapped][index]?.[instance];
      return JSON.stringify({ runs, story: unit.story });
    });
    if (one !== other || failures.length > 0) {
      differences.push(`${instance}\n  direct  ${one}\n  wrapped ${other}\n  ${failures.join('\n  ')}`);
      writeSync(2, `${differences.at(-1)}\n`);
    }
    const kind = cycle.words.replaceAll(/\d+|(?<=die_)\w+/g, '*');
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    done += 1;
    if (done % 100 === 0) writeSync(2, `${done} of ${CYCLES} cycles, ${differences.length} differences\n`);
  };

  let next = 0;
  await Promise.all(
    Array.from({ length: TOGETHER }, async () => {
      while (next < CYCLES) await one(next++);
    }),
  );
  await systemd.systemctl('reset-failed');
  const after = await until('nothing to be left behind', async () => {
    const now = await leftovers();
    return now.join('\n') === before.join('\n') && now;
  }).catch(leftovers);
  const account = [...kinds].map(([kind, count]) => `  ${String(count).padStart(5)}  ${kind}`).sort();
  writeSync(
    2,
    `${done} cycles, direct and wrapped, uid ${systemd.uid}, ${busy.length} cores busy: ` +
      `${differences.length} differences, ${after.length - before.length} left behind\n${account.join('\n')}\n`,
  );
  expect(differences).toEqual([]);
  expect(after).toEqual(before);
});

/** Processes, cgroups, and files in the wrapper's places. */
async function leftovers(): Promise<string[]> {
  const script = `
    for pid in /proc/[0-9]*; do tr '\\0' ' ' <$pid/cmdline 2>/dev/null; echo; done |
      grep -E '^[^ ]*(perl|node) .*(obeys.pl|sd-ready-wrap)'
    find /sys/fs/cgroup -name '*pair-*.service' 2>/dev/null
    find /tmp "$XDG_RUNTIME_DIR" /run -maxdepth 1 -name 'sd-ready-wrap-*' 2>/dev/null
  `;
  return (await systemd.run('sh', ['-c', script])).stdout.split('\n').filter(Boolean).sort();
}
