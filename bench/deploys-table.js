/** The row `deploys` as a table in Markdown, for docs/deploying.md. Pure. */
import { round } from './figures.js';
import { LOADS, nameOf, WAYS } from './rows/deploys.js';

const COLUMNS = ['refused', 'failed', 'longest answer'];

/**
 * @param {import('./figures.js').Figure[]} figures of any rows
 * @returns {string} empty without figures of `deploys`. A cell has the least and the most of all rounds
 */
export function deploysTable(figures) {
  const lines = LOADS.flatMap((load) =>
    WAYS.flatMap((way) => {
      const found = COLUMNS.map((what) => figures.find(({ name }) => name === nameOf(way, load, what)));
      if (!found.every(Boolean)) return [];
      const [refused, failed, longest] = found.map(range);
      return [[load.name, way.name, `${refused} ${found[0].unit}`, failed, `${longest} s`]];
    }),
  );
  if (lines.length === 0) return '';
  const head = ['requests', 'deploy', ...COLUMNS];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

function range({ min, max }) {
  return round(min) === round(max) ? round(max) : `${round(min)} to ${round(max)}`;
}
