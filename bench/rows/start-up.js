/** How much later the app's first statement runs under the wrapper, in boots of bare Node. */
import { freePort } from '../../test/helpers/systemd/private-systemd.js';
import { figure, median } from '../figures.js';
import { APP, WRAPPER } from '../lab.js';

/** A script that only spawns adds 1.1 to 1.3: the boot of its Node, its modules for processes, fork(2) and exec. */
const GOAL = { most: 1.5, accepted: 2.2, why: 'a boot of Node is 1, its child_process and the spawn 0.3' };
const WARM_UP = 3;

export const startUp = {
  name: 'start-up',
  title: "from spawn to the app's first statement; the ratio is to the direct start",
  runs: { full: { samples: 40 }, quick: { samples: 10 } },
  async run(lab, { samples }) {
    return [
      ...(await startUpIn(lab, samples, 'as in a shell', process.env)),
      ...(await startUpIn(lab, samples, 'as in a unit')),
    ];
  },
};

async function startUpIn(lab, samples, where, environment) {
  const port = await freePort();
  const app = [process.execPath, APP, lab.file];
  const boot = (command) =>
    lab.run(
      command,
      async ({ began, gone }) => {
        await gone;
        return (await lab.moment()) - began;
      },
      { environment },
    );
  const direct = [];
  const wrapped = [];
  for (let run = -WARM_UP; run < samples; run += 1) {
    lab.progress(`start-up ${where}, ${Math.max(run, 0)} of ${samples}`);
    // in alternation, so that a busy moment of the machine hits both alike; by its own name, as in a unit: its first
    // lines put variables aside that would slow down the wrapper's Node
    const pair = [await boot(app), await boot([WRAPPER, '--tcp', String(port), '--', ...app])];
    if (run < 0) continue;
    direct.push(pair[0]);
    wrapped.push(pair[1]);
  }
  const reference = figure(`direct, ${where}`, 'ms', direct);
  const added = wrapped.map((ms, index) => ms - direct[index]);
  return [
    reference,
    figure(`wrapped, ${where}`, 'ms', wrapped, { over: reference }),
    {
      ...figure(`what the wrapper adds, in boots of bare Node, ${where}`, 'ms', added, {
        over: reference,
        goals: { ratio: GOAL },
      }),
      // from the two medians: the median of the differences depends on which start of a pair the machine disturbed
      ratio: median(wrapped) / median(direct) - 1,
    },
  ];
}
