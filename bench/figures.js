/** From the samples of a row to the lines of the table, as data. Pure. */

/**
 * @typedef {object} Goal
 * @property {'median' | 'p99' | 'max' | 'ratio'} of
 * @property {number} [most]
 * @property {number} [least] for a value that should be large
 * @property {number} margin the part of the goal by which a run may miss it before --check fails
 * @property {number} [accepted] the most that a run may have if the goal is out of reach, for the reason `why`
 * @property {string} [why]
 *
 * @typedef {object} Figure
 * @property {string} name
 * @property {string} unit
 * @property {number} n how many samples; if 0, `missing` has the reason
 * @property {number} [median]
 * @property {number} [p99] from 100 samples on
 * @property {number} [min]
 * @property {number} [max]
 * @property {number} [ratio] its median divided by the median of the figure `over`
 * @property {string} [over]
 * @property {Goal[]} goals
 * @property {string} [missing]
 */

/** For times: what a goal allows for other work on the machine. */
const MARGIN = 0.25;

/**
 * @param {string} name
 * @param {string} unit
 * @param {number[]} samples
 * @param {{over?: Figure, goals?: Partial<Record<Goal['of'], number | Partial<Goal>>>, margin?: number}} [more]
 * `over`: the figure to compute the ratio with; `goals`: the most that median, p99, maximum or ratio may be, or
 * `{ least }`, or `{ most, accepted, why }`
 * @returns {Figure}
 */
export function figure(name, unit, samples, { over, goals = {}, margin = MARGIN } = {}) {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = median(sorted);
  return {
    name,
    unit,
    n: sorted.length,
    median: middle,
    // the nearest rank: with fewer than 100 samples it would be the maximum
    p99: sorted.length < 100 ? undefined : sorted[Math.ceil(sorted.length * 0.99) - 1],
    min: sorted[0],
    max: sorted.at(-1),
    ...(over?.median ? { ratio: middle / over.median, over: over.name } : {}),
    goals: Object.entries(goals).map(([of, goal]) => ({
      of,
      ...(typeof goal === 'object' ? goal : { most: goal }),
      margin,
    })),
  };
}

/** A line for a thing that could not be measured here, and why. @returns {Figure} */
export function missing(name, why) {
  return { name, unit: '', n: 0, goals: [], missing: why };
}

/**
 * @param {Goal} goal
 * @returns {'met' | 'within margin' | 'missed by design' | 'MISSED' | 'not measured'} the last if there are too few
 * samples for a p99
 */
export function verdict(
  found,
  {
    of,
    most = Number.POSITIVE_INFINITY,
    least = Number.NEGATIVE_INFINITY,
    margin,
    accepted = Number.NEGATIVE_INFINITY,
  },
) {
  const value = found[of];
  if (value === undefined) return 'not measured';
  if (value <= most && value >= least) return 'met';
  if (value <= most * (1 + margin) && value >= least * (1 - margin)) return 'within margin';
  return value <= accepted ? 'missed by design' : 'MISSED';
}

/** @param {Goal} goal @returns {string} `<= 6`, `p99 <= 20`, `>= 250` */
export function wanted({ of, most, least }) {
  const words = most === undefined ? `>= ${round(least)}` : `<= ${round(most)}`;
  return of === 'median' ? words : `${of} ${words}`;
}

/** The goals that were missed by more than their margin. @returns {string[]} a sentence each */
export function regressions(figures) {
  return figures.flatMap((found) =>
    found.goals
      .filter((goal) => verdict(found, goal) === 'MISSED')
      .map((goal) => {
        const value = round(found[goal.of]);
        return (
          `${found.row}: ${found.name}: ${value}, and the goal is ${wanted(goal)}, with a margin of ` +
          `${goal.margin * 100} %`
        );
      }),
  );
}

export function median(samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

/** Rounds for people: the figures are not exact to more than three digits. */
export function round(value) {
  return Number(value.toFixed(value < 10 ? 2 : value < 1000 ? 1 : 0)).toString();
}
