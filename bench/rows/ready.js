/** From the app's being ready to READY=1, and to what others have in its place. */
import { freePort } from '../../test/helpers/systemd/private-systemd.js';
import { figure, missing, round } from '../figures.js';
import { lacking, PEERS } from '../peers/index.js';
import { Labs, waves } from '../waves.js';
import { nameOf, OBSERVED, WAYS, wrapped } from '../ways.js';

const GOALS = { observed: { median: 2, p99: 10 }, polled: { median: 6, p99: 20 } };
/** How long the app takes to be ready, ms. */
const BOOTS = [200, 2000, 20_000];
/** And a part by chance, or a whole interval of those that look less often, so that a look is met in every phase. */
const CHANCE = 100;
/** Of a start under the wrapper: two boots of Node. What waiting costs: the row `waiting`, and the processes of --exec. */
const BOOT = 150;
const COSTS = { exec: 8, ...Object.fromEntries(OBSERVED.map((way) => [way, 0.1])) };
const POLLED_COSTS = 3;

const named = (boot) => `, app boots in ${boot / 1000} s`;
/** In the picture. */
const SHOWN = 2000;
const SHOWN_OF_OURS = ['--tcp', '--http', '--stdout', '--notify'];

const OURS = WAYS.map((way) => ({
  name: nameOf(way),
  word: way,
  way,
  needs: {},
  boot: BOOT,
  waiting: COSTS[way] ?? POLLED_COSTS,
  goals: OBSERVED.includes(way) ? GOALS.observed : GOALS.polled,
  measure: (lab, delay, port) =>
    lab.run(wrapped(lab, way, delay, port), async () => {
      const arrival = await lab.arrival(delay + 10_000);
      return arrival - (await lab.moment());
    }),
}));
const ALL = [...OURS, ...PEERS];

/** @type {import('../rows.js').Row} */
export const ready = {
  name: 'ready',
  title: 'from ready to READY=1, and to the "ready" of others; the ratio is to our probe of the same kind',
  parts: [...new Set(ALL.map(({ word }) => word))],
  picture: {
    title: `From an app's being ready, ${SHOWN / 1000} s after its start, to the "ready" that others see: median and 99th percentile`,
    unit: 'ms',
    log: true,
    bars: (figures) =>
      figures
        .filter(({ name }) => name.endsWith(named(SHOWN)))
        .map((found) => ({ found, name: found.name.slice(0, -named(SHOWN).length) }))
        .filter(({ name }) => !OURS.some((each) => each.name === name) || SHOWN_OF_OURS.includes(name))
        .map(({ found: { median, p99 }, name }) => ({
          label: SHOWN_OF_OURS.includes(name) ? `sd-ready-wrap ${name}` : name,
          value: median,
          text: `${round(median)} ms${p99 === undefined ? '' : `, ${round(p99)} ms`}`,
          ours: SHOWN_OF_OURS.includes(name),
        }))
        .toSorted((a, b) => a.value - b.value),
  },
  runs: { full: { starts: [100, 100, 100] }, quick: { starts: [10, 2, 0] } },
  async run(lab, { starts, parts }) {
    const wanted = ALL.filter(({ word }) => parts.includes(word));
    const contenders = wanted.filter((each) => lacking(each) === '');
    const figures = [];
    const labs = new Labs(lab);
    try {
      for (const [index, boot] of BOOTS.entries()) {
        if (starts[index] > 0) figures.push(...(await after(boot, starts[index], contenders, labs)));
      }
    } finally {
      labs.close();
      for (const { close } of contenders) close?.();
    }
    const absent = wanted.filter((each) => lacking(each) !== '');
    return [...figures, ...absent.map((each) => missing(each.name, `not installed: ${lacking(each)}`))];
  },
};

/** The figures of apps that boot in that time, so many starts of each. */
async function after(boot, count, contenders, labs) {
  const samples = new Map(contenders.map((each) => [each, []]));
  const start = (each) => ({
    ...each,
    async measure(lab) {
      const port = await freePort();
      const delay = boot + Math.random() * Math.max(CHANCE, each.interval ?? 0);
      samples.get(each).push(await each.measure(lab, delay, port));
    },
  });
  // in turn, so that a busy moment of the machine hits all alike
  const inTurn = Array.from({ length: count }, () => contenders.map(start)).flat();
  let done = 0;
  for (const wave of waves(inTurn, boot)) {
    labs.first.progress(`from ready after ${boot} ms to "ready", ${done} of ${inTurn.length}`);
    await labs.run(wave);
    done += wave.length;
  }
  const ours = new Map();
  return contenders.map((each) => {
    const over = each.goals ? undefined : ours.get(each.way);
    const found = figure(each.name + named(boot), 'ms', samples.get(each), { goals: each.goals, over });
    if (each.goals) ours.set(each.way, found);
    return found;
  });
}
