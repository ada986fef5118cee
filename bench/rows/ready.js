/** From the app's readiness to READY=1, and to the "ready" of other programs. */
import { freePort } from '../../test/helpers/systemd/private-systemd.js';
import { figure, missing, round } from '../figures.js';
import { lacking, PEERS } from '../peers/index.js';
import { Labs, waves } from '../waves.js';
import { nameOf, OBSERVED, WAYS, wrapped } from '../ways.js';

const GOALS = { observed: { median: 2, p99: 10 }, polled: { median: 6, p99: 20 }, http: { median: 10, p99: 20 } };
/** How long the app takes to be ready, ms. */
const BOOTS = [200, 2000, 20_000];
/** A random delay on top, or up to a whole interval of a program that polls less often: it meets every phase. */
const CHANCE = 100;
/**
 * A start under the wrapper: two boots of Node. What waiting costs: the row `waiting`, and the processes of --exec.
 */
const BOOT = 150;
const COSTS = { exec: 8, ...Object.fromEntries(OBSERVED.map((way) => [way, 0.1])) };
const POLLED_COSTS = 3;

const named = (boot) => `, app boots in ${boot / 1000} s`;
/** In the picture. */
const SHOWN = 200;
const SHOWN_OF_OURS = ['--tcp', '--http', '--stdout', '--notify'];

const OURS = WAYS.map((way) => ({
  name: nameOf(way),
  word: way,
  way,
  needs: {},
  boot: BOOT,
  waiting: COSTS[way] ?? POLLED_COSTS,
  goals: GOALS[OBSERVED.includes(way) ? 'observed' : way] ?? GOALS.polled,
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
  title: 'from ready to READY=1, and to the "ready" of others; the ratio is to the wrapper with the same kind of probe',
  parts: [...new Set(ALL.map(({ word }) => word))],
  picture: {
    title:
      `From the readiness of an app, ${SHOWN / 1000} s after its start, to the "ready" that others see: ` +
      `median and 99th percentile`,
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
  // by boot time, on which the delay of other programs does not depend
  runs: {
    full: { ours: [100, 100, 100], peers: [100, 30, 10] },
    quick: { ours: [3, 0, 0], peers: [2, 0, 0] },
  },
  async run(lab, { ours, peers, parts }) {
    const wanted = ALL.filter(({ word }) => parts.includes(word));
    const contenders = wanted.filter((each) => lacking(each) === '');
    const figures = [];
    const labs = new Labs(lab);
    try {
      for (const [index, boot] of BOOTS.entries()) {
        const starts = (each) => (each.goals ? ours : peers)[index];
        figures.push(...(await after(boot, starts, contenders, labs)));
      }
    } finally {
      labs.close();
      for (const { close } of contenders) close?.();
    }
    const absent = wanted.filter((each) => lacking(each) !== '');
    return [...figures, ...absent.map((each) => missing(each.name, `not installed: ${lacking(each)}`))];
  },
};

/**
 * The figures of apps that boot in that time.
 * @param {(contender: object) => number} starts how many starts of each
 */
export async function after(boot, starts, contenders, labs) {
  const samples = new Map(contenders.map((each) => [each, []]));
  const failures = new Map(contenders.map((each) => [each, []]));
  const start = (each) => ({
    ...each,
    async measure(lab) {
      const port = await freePort();
      const delay = boot + Math.random() * Math.max(CHANCE, each.interval ?? 0);
      try {
        samples.get(each).push(await each.measure(lab, delay, port));
      } catch (error) {
        failures.get(each).push(error.message.split('\n')[0]);
      }
    },
  });
  // in turn, so that a busy moment of the machine hits all alike
  const most = Math.max(0, ...contenders.map(starts));
  const inTurn = Array.from({ length: most }, (_, round) =>
    contenders.filter((each) => starts(each) > round).map(start),
  ).flat();
  let done = 0;
  for (const wave of waves(inTurn, boot)) {
    labs.first.progress(`from ready after ${boot} ms to "ready", ${done} of ${inTurn.length}`);
    await labs.run(wave);
    done += wave.length;
  }
  const ours = new Map();
  return contenders.flatMap((each) => {
    const over = each.goals ? undefined : ours.get(each.way);
    const name = each.name + named(boot);
    const lines = failedStarts(name, starts(each), failures.get(each), each.goals);
    if (samples.get(each).length === 0) return lines;
    const found = figure(name, 'ms', samples.get(each), { goals: each.goals, over });
    if (each.goals) ours.set(each.way, found);
    return [found, ...lines];
  });
}

/** A line if a start failed. */
function failedStarts(name, starts, failures, goals) {
  if (failures.length === 0) return [];
  const unit = `of ${starts} failed: ${failures[0]}`;
  return [figure(`${name}: starts that failed`, unit, [failures.length], goals && { goals: { max: 0 } })];
}
