/** What an interval of --http costs and gives, also for the program of another checkout if one is named. */
import path from 'node:path';
import { freePort } from '../../test/helpers/systemd/private-systemd.js';
import { figure } from '../figures.js';
import { WRAPPER } from '../lab.js';
import { Labs } from '../waves.js';
import { app } from '../ways.js';
import { after } from './ready.js';
import { usage } from './waiting.js';

const GOALS = { cpu: { median: 5 }, late: { median: 10 } };
/** ms. */
const INTERVALS = [8, 10, 14, 20, 30];
/** What the app does until it is ready, and the way of app.cjs that does it. */
const BEFORE = { 503: 'http', refused: 'serve' };
/** Until the app is ready, ms: longer than the first second, in which more is polled and compiled. */
const BOOT = 2000;
/** One start's time of the machine, ms; what it uses while it waits, with its app, % of a core. */
const COSTS = { boot: 150, waiting: 10 };

/** @type {import('../rows.js').Row} */
export const pace = {
  name: 'pace',
  title: '--http by its interval: CPU and memory while it waits, and from ready to READY=1; the ratio is to this one',
  parts: ['http'],
  runs: { full: { windows: 3, windowMs: 10_000, starts: 50 }, quick: { windows: 1, windowMs: 1000, starts: 1 } },
  async run(lab, { windows, windowMs, starts, beside }) {
    const programs = [{ suffix: '', program: WRAPPER, goals: GOALS }];
    if (beside) {
      programs.push({ suffix: ', beside', program: path.resolve(beside, 'bin/sd-ready-wrap.cjs'), goals: {} });
    }
    const labs = new Labs(lab);
    const figures = [];
    try {
      for (const before of Object.keys(BEFORE)) {
        for (const interval of INTERVALS) {
          lab.progress(`CPU with --interval ${interval}ms, ${before}`);
          figures.push(...(await costs({ before, interval, programs, labs, measure: usage(windows, windowMs) })));
        }
      }
      const contenders = Object.keys(BEFORE).flatMap((before) =>
        INTERVALS.flatMap((interval) => programs.map((each) => contender(before, interval, each))),
      );
      figures.push(...(await after(BOOT, () => starts, contenders, labs)));
    } finally {
      labs.close();
    }
    return figures;
  },
};

const named = (before, interval) => `${before}, each ${interval} ms`;

function command(lab, { before, interval, program, delay, port }) {
  const options = ['--http', `http://127.0.0.1:${port}/`, '--interval', `${interval}ms`];
  return [program, ...options, '--', ...app(lab, BEFORE[before], delay, port)];
}

/** Measures all programs in the same moments. */
async function costs({ before, interval, programs, labs, measure }) {
  const found = new Map();
  await labs.run(
    programs.map(({ program }) => ({
      ...COSTS,
      measure: async (lab) => {
        const port = await freePort();
        found.set(program, await lab.run(command(lab, { before, interval, program, delay: 1e8, port }), measure));
      },
    })),
  );
  const line = (what, unit, of) => {
    let over;
    return programs.map(({ suffix, program, goals }) => {
      const samples = found.get(program).map((each) => each[of]);
      const name = `${what} (${named(before, interval)})${suffix}`;
      const each = figure(name, unit, samples, { over, goals: goals[of] });
      over ??= each;
      return each;
    });
  };
  return [...line('CPU', '% of a core', 'cpu'), ...line('private memory', 'MiB', 'own')];
}

function contender(before, interval, { suffix, program, goals }) {
  return {
    ...COSTS,
    name: `ready (${named(before, interval)})${suffix}`,
    way: named(before, interval),
    goals: goals.late,
    async measure(lab, delay, port) {
      return lab.run(command(lab, { before, interval, program, delay, port }), async () => {
        const arrival = await lab.arrival(delay + 10_000);
        return arrival - (await lab.moment());
      });
    },
  };
}
