/** What the wrapper takes of the machine once READY=1 is sent. */
import { freePort } from '../../test/helpers/systemd/private-systemd.js';
import { watch } from '../account.js';
import { figure } from '../figures.js';
import { sleep } from '../lab.js';
import { nameOf, WAYS, wrapped } from '../ways.js';

const GOAL = 0.05;
/** V8 tidies the heap once, some 8 s after the last work (its "memory reducer"): 40 ms that belong to the start. */
const SETTLE = 10_000;

export const rest = {
  name: 'rest',
  title: 'the wrapper at rest, after READY=1',
  parts: WAYS,
  runs: { full: { windows: 3, windowMs: 10_000 }, quick: { windows: 3, windowMs: 2000 } },
  async run(lab, { windows, windowMs, parts }) {
    const figures = [];
    for (const way of parts) {
      lab.progress(`at rest, ${nameOf(way)}`);
      const found = await lab.run(wrapped(lab, way, 100, await freePort()), async ({ child }) => {
        await lab.arrival(20_000);
        await sleep(SETTLE);
        return watch(child.pid, windows, windowMs);
      });
      const of = (what) => found.map((window) => window[what]);
      figures.push(
        figure(`CPU, ${nameOf(way)}`, '% of a core', of('cpu'), { goals: { median: GOAL } }),
        figure("  by the scheduler's clock", '% of a core', of('cpuFine')),
        figure('  context switches', 'per s', of('switches')),
        figure('  resident memory', 'MiB', of('rss')),
        figure('  threads', '', of('threads')),
      );
    }
    return figures;
  },
};
