/** The CPU that the wrapper uses while it waits. */
import { freePort } from '../../test/helpers/systemd/private-systemd.js';
import { watch } from '../account.js';
import { figure } from '../figures.js';
import { sleep } from '../lab.js';
import { Labs } from '../waves.js';
import { nameOf, WAYS, wrapped } from '../ways.js';

const GOAL = 5;
/**
 * One start's time of the machine, ms. Then they wait side by side, as the scheduler counts each one's CPU.
 */
const BOOT = 150;
/** Until all are started. */
const SETTLE = 3000;

/** @type {import('../rows.js').Row} */
export const waiting = {
  name: 'waiting',
  title: 'CPU of the wrapper while it waits',
  parts: WAYS,
  runs: { full: { windows: 3, windowMs: 10_000 }, quick: { windows: 1, windowMs: 1000 } },
  async run(lab, { windows, windowMs, parts }) {
    lab.progress('CPU while waiting');
    const found = new Map();
    const labs = new Labs(lab);
    const start = (way) => ({
      boot: BOOT,
      waiting: GOAL,
      measure: async (own) => {
        const command = wrapped(own, way, 1e8, await freePort());
        const used = await own.run(command, usage(windows, windowMs));
        found.set(
          way,
          used.map(({ cpu }) => cpu),
        );
      },
    });
    try {
      await labs.run(parts.map(start));
    } finally {
      labs.close();
    }
    return parts.map((way) => figure(nameOf(way), '% of a core', found.get(way), { goals: { median: GOAL } }));
  },
};

/** Measures a program that `lab.run()` runs, one window after another. */
export const usage =
  (windows, windowMs) =>
  async ({ child }) => {
    await sleep(SETTLE);
    const found = [];
    for (let window = 0; window < windows; window += 1) found.push(await watch(child.pid, windowMs));
    return found;
  };
