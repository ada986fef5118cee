/** The figures as text. Pure. */
import { round, verdict, wanted } from './figures.js';

const HEAD = ['', 'n', 'median', 'p99', 'min', 'max', 'unit', 'ratio', 'goal'];
const NUMERIC = ['n', 'median', 'p99', 'min', 'max', 'ratio'];

/** @param {import('./rows.js').Row[]} rows the rows that were run, in that order */
export function table(conditions, rows, figures) {
  const { load } = conditions;
  const blocks = rows.map((row) => ({ row, lines: figures.filter((found) => found.row === row.name) }));
  const cells = new Map(figures.map((found) => [found, cellsOf(found)]));
  const all = [HEAD, ...[...cells.values()].filter((line) => line.length === HEAD.length)];
  const widths = HEAD.map((_, column) => Math.max(...all.map((line) => line[column].length)));
  const show = (line) =>
    line
      .map((cell, column) =>
        NUMERIC.includes(HEAD[column]) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
      )
      .join('  ')
      .trimEnd();
  const text = blocks.map(({ row, lines }) => {
    const [, ...heads] = HEAD;
    return [row.title, show(['', ...heads]), ...lines.map((found) => show(cells.get(found)))].join('\n');
  });
  return `${conditionsLine(conditions)}
load average ${load.before.toFixed(2)} before, ${load.after.toFixed(2)} after (this bench is part of it)

${text.join('\n\n')}
`;
}

/** Where and when the figures were measured. */
export function conditionsLine({ date, version, node, kernel, cpu }) {
  return `sd-ready-wrap ${version}, Node ${node}, Linux ${kernel}, ${cpu}, ${date}`;
}

function cellsOf(found) {
  const name = `  ${found.name}`;
  if (found.missing !== undefined) return [`${name}: ${found.missing}`];
  const show = (value) => (value === undefined ? '' : round(value));
  const goals = found.goals.map((goal) => {
    const result = verdict(found, goal);
    return `${wanted(goal)} ${result}${result === 'missed by design' ? `: ${goal.why}` : ''}`;
  });
  return [
    name,
    String(found.n),
    ...[found.median, found.p99, found.min, found.max].map(show),
    found.unit,
    found.ratio === undefined ? '' : `${round(found.ratio)}x`,
    goals.join(', '),
  ];
}
