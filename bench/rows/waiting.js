/** What the wrapper takes of the CPU while it waits. */
import { freePort } from '../../test/helpers/systemd/private-systemd.js';
import { watch } from '../account.js';
import { figure } from '../figures.js';
import { sleep } from '../lab.js';
import { nameOf, WAYS, wrapped } from '../ways.js';

const GOAL = 5;

/** @type {import('../rows.js').Row} */
export const waiting = {
  name: 'waiting',
  title: 'CPU of the wrapper while it waits',
  parts: WAYS,
  runs: { full: { windows: 3, windowMs: 10_000 }, quick: { windows: 1, windowMs: 1000 } },
  async run(lab, { windows, windowMs, parts }) {
    const figures = [];
    for (const way of parts) {
      lab.progress(`CPU while waiting, ${nameOf(way)}`);
      const command = wrapped(lab, way, 1e8, await freePort());
      const cpu = await lab.run(command, async ({ child }) => {
        await sleep(1000);
        const found = [];
        for (let window = 0; window < windows; window += 1) found.push((await watch(child.pid, windowMs)).cpu);
        return found;
      });
      figures.push(figure(nameOf(way), '% of a core', cpu, { goals: { median: GOAL } }));
    }
    return figures;
  },
};
