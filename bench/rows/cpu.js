/** The CPU time of one start, from the cgroup of its unit: all processes, also ended ones. */
import { freePort } from '../../test/helpers/systemd/private-systemd.js';
import { figure, missing } from '../figures.js';
import { APP, sleep, WRAPPER } from '../lab.js';
import { withSystemd } from '../units.js';

/** For the wrapper alone, relative to a Node that boots and does nothing. */
const GOAL = { most: 2.1, accepted: 2.8, why: "see README.md, Where a start's CPU goes" };
/** From READY=1 until a start has no further effect, ms. */
const SETTLE = 1000;

/** @type {import('../rows.js').Row} */
export const cpu = {
  name: 'cpu',
  title: 'CPU of one start until a second after READY=1; the ratio is to node -e 0',
  runs: { full: { samples: 20 }, quick: { samples: 4 } },
  run: (lab, { samples }) =>
    withSystemd(
      ['system', 'session'],
      async (units) => {
        const { node } = units.systemd;
        const app = `${node} ${APP} ${units.makeDir()}/moment tcp 0 %i`;
        const common = ['CPUAccounting=yes', 'RemainAfterExit=yes'];
        await units.define('cpu-nothing', ['Type=oneshot', `ExecStart=${node} -e 0`, ...common]);
        await units.define('cpu-direct', ['Type=exec', `ExecStart=${app}`, ...common]);
        await units.define('cpu-wrapped', ['Type=notify', `ExecStart=${WRAPPER} --tcp %i -- ${app}`, ...common]);
        const found = { nothing: [], direct: [], wrapped: [] };
        for (let sample = 0; sample < samples; sample += 1) {
          lab.progress(`CPU of a start, ${sample} of ${samples}`);
          // in alternation, so that a busy moment of the machine hits all alike
          for (const [kind, all] of Object.entries(found)) {
            all.push(await costOf(units, `cpu-${kind}@${await freePort()}.service`));
          }
        }
        const nothing = figure('node -e 0', 'ms', found.nothing);
        return [
          nothing,
          figure('the app, direct', 'ms', found.direct, { over: nothing }),
          figure('the app, wrapped', 'ms', found.wrapped, { over: nothing }),
          figure(
            'the wrapper alone',
            'ms',
            found.wrapped.map((ms, index) => ms - found.direct[index]),
            { over: nothing, goals: { ratio: GOAL } },
          ),
        ];
      },
      (why) => [missing('all', why)],
    ),
};

async function costOf(units, unit) {
  await units.order('start', [unit]);
  await sleep(SETTLE);
  const ns = await units.systemd.show(unit, 'CPUUsageNSec');
  await units.order('stop', [unit]);
  return Number(ns) / 1e6;
}
