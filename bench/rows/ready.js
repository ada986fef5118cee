/** From the app's being ready to the arrival of READY=1. */
import { freePort, until } from '../../test/helpers/systemd/private-systemd.js';
import { figure } from '../figures.js';
import { Lab } from '../lab.js';
import { nameOf, OBSERVED, WAYS, wrapped } from '../ways.js';

const GOALS = { observed: { median: 2, p99: 10 }, polled: { median: 6, p99: 20 } };
/** How long the app takes to be ready, ms; a part by chance, so that a poll is met in every phase. */
const TAKES = [
  [200, 300],
  [2000, 2100],
  [20_000, 20_100],
];
/** The last ones wait together: each uses a few hundredths of a core. */
const TOGETHER = 5;

export const ready = {
  name: 'ready',
  title: "from the app's being ready to READY=1",
  parts: WAYS,
  runs: { full: { starts: [100, 20, 10] }, quick: { starts: [15, 3, 0] } },
  async run(lab, { starts, parts }) {
    const rows = [];
    for (const [index, [least, most]] of TAKES.entries()) {
      const count = starts[index];
      if (count === 0) continue;
      const samples = Object.fromEntries(parts.map((way) => [way, []]));
      const takes = () => least + Math.random() * (most - least);
      const together = least > 10_000 ? TOGETHER : 1;
      const labs = [lab];
      while (labs.length < together) labs.push(await Lab.open());
      for (let run = 0; run < count; run += together) {
        lab.progress(`from ready after ${least} ms to READY=1, ${run} of ${count}`);
        // the ways in turn, so that a busy moment of the machine hits all alike
        for (const way of parts) {
          samples[way].push(...(await Promise.all(labs.map((each) => latency(each, way, takes())))));
        }
      }
      for (const each of labs.slice(1)) each.close();
      for (const way of parts) {
        const goals = OBSERVED.includes(way) ? GOALS.observed : GOALS.polled;
        rows.push(figure(`${nameOf(way)}, after ${least / 1000} s`, 'ms', samples[way], { goals }));
      }
    }
    return rows;
  },
};

async function latency(lab, way, delay) {
  const port = await freePort();
  return lab.run(wrapped(lab, way, delay, port), async () => {
    const arrival = await until('READY=1', () => lab.arrival(), delay + 10_000);
    return arrival - (await until("the app's own moment", () => lab.moment()));
  });
}
