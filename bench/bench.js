/**
 * `npm run bench`: the promises that are numbers, measured in one run. How, and how to read it: README.md.
 *
 * --quick: few samples, for a look. --json: the figures as JSON. --check: exit 1 when a goal is missed by more than its
 * margin. Words: only these rows, such as `relay`, or these parts of rows, such as `tcp`.
 */
import fs from 'node:fs';
import os from 'node:os';
import { regressions } from './figures.js';
import { Lab } from './lab.js';
import { ROWS } from './rows.js';
import { table } from './table.js';

const { options, chosen } = commandLine(process.argv.slice(2));

const lab = await Lab.open();
process.once('exit', () => lab.close());
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

const loadBefore = os.loadavg()[0];
const figures = [];
for (const { row, parts } of chosen) {
  const runs = { ...row.runs[options.quick ? 'quick' : 'full'], parts };
  for (const found of await row.run(lab, runs)) figures.push({ row: row.name, ...found });
}
lab.progress('');
lab.close();

const conditions = {
  date: new Date().toISOString().slice(0, 10),
  version: JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version,
  node: process.versions.node,
  kernel: os.release(),
  cpu: `${os.cpus().length} x ${os.cpus()[0]?.model ?? os.arch()}`,
  load: { before: loadBefore, after: os.loadavg()[0] },
  quick: options.quick,
};
const rows = chosen.map(({ row }) => row);
process.stdout.write(
  options.json ? `${JSON.stringify({ conditions, figures }, null, 2)}\n` : table(conditions, rows, figures),
);
if (options.check) {
  const found = regressions(figures);
  for (const sentence of found) process.stderr.write(`bench: ${sentence}\n`);
  process.exitCode = found.length > 0 ? 1 : 0;
}

/** @returns {{options: Record<string, boolean>, chosen: {row: import('./rows.js').Row, parts: string[]}[]}} */
function commandLine(words) {
  const given = { quick: false, json: false, check: false };
  const names = [];
  const known = [...ROWS.map(({ name }) => name), ...new Set(ROWS.flatMap(({ parts = [] }) => parts))];
  for (const word of words) {
    const option = word.startsWith('--') ? word.slice(2) : undefined;
    if (option in given) given[option] = true;
    else if (known.includes(word)) names.push(word);
    else {
      const hint = [...Object.keys(given).map((each) => `--${each}`), ...known].join(', ');
      process.stderr.write(`bench: ${word} is none of ${hint}\n`);
      process.exit(64);
    }
  }
  const rowsNamed = ROWS.filter(({ name }) => names.includes(name));
  const partsOf = ({ parts = [] }) => parts.filter((part) => names.includes(part));
  const somePartNamed = ROWS.some((row) => partsOf(row).length > 0);
  // a row by its name; by the name of a part all rows that have it; by both, that row's part
  let asked = ROWS;
  if (rowsNamed.length > 0) asked = rowsNamed;
  else if (somePartNamed) asked = ROWS.filter((row) => partsOf(row).length > 0);
  return {
    options: given,
    chosen: asked.map((row) => ({ row, parts: partsOf(row).length > 0 ? partsOf(row) : (row.parts ?? []) })),
  };
}
