/**
 * `npm run bench`: measures every promised number in one run. README.md has the method and how to read the table.
 *
 * --quick: few samples. --check: exit 1 if a goal is missed by more than its margin. --json FILE, --svg FILE: the
 * figures as JSON, and as a picture. --from FILE: the figures of an earlier run; only the named rows are measured, and
 * replace those of the file. Words: only these rows, such as `relay`, or these parts of rows, such as `tcp` or
 * `wait-on`. --beside DIR: another built checkout, which the row `pace` measures too.
 */
import fs from 'node:fs';
import os from 'node:os';
import { choose, parse } from './command-line.js';
import { missing, regressions } from './figures.js';
import { Lab } from './lab.js';
import { svg } from './picture.js';
import { ROWS } from './rows.js';
import { conditionsLine, table } from './table.js';

const options = parse(process.argv.slice(2), ROWS);
const earlier = options.from ? JSON.parse(fs.readFileSync(options.from, 'utf8')) : undefined;
const { conditions, figures } =
  earlier && options.words.length === 0 ? earlier : await measure(choose(ROWS, options.words), earlier);

const rows = ROWS.filter(({ name }) => figures.some(({ row }) => row === name));
process.stdout.write(table(conditions, rows, figures));
keep({ conditions, figures });
if (options.svg) fs.writeFileSync(options.svg, svg(panels(), conditionsLine(conditions)));
if (options.check) {
  const found = regressions(figures);
  for (const sentence of found) process.stderr.write(`bench: ${sentence}\n`);
  if (found.length > 0) process.exitCode = 1;
}

/** @param earlier the results of an earlier run, for the rows that are not chosen */
async function measure(chosen, earlier) {
  const lab = await Lab.open();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
  const before = os.loadavg()[0];
  const took = { ...earlier?.conditions.took };
  let results;
  let figures = earlier?.figures ?? [];
  for (const { row, parts } of chosen) {
    const began = performance.now();
    const found = await figuresOf(row, lab, {
      ...row.runs[options.quick ? 'quick' : 'full'],
      parts,
      beside: options.beside,
    });
    figures = merged(figures, row, parts, found);
    took[row.name] = Math.round((performance.now() - began) / 1000);
    results = { conditions: conditionsNow(before, took), figures };
    // a failure of a later row must not lose an hour's figures
    keep(results);
  }
  lab.progress('');
  lab.close();
  return results;
}

/**
 * The figures with the row, or those parts of it, measured again: a new figure takes the place of the old one, and of
 * the old one's further lines (`name: ...`).
 */
function merged(figures, row, parts, found) {
  if (parts.length === (row.parts ?? []).length) return [...figures.filter((each) => each.row !== row.name), ...found];
  const rest = [...found];
  const isFoundAgain = ({ name }) => found.some((each) => name === each.name || name.startsWith(`${each.name}:`));
  const kept = figures.flatMap((each) => {
    if (each.row !== row.name || !isFoundAgain(each)) return [each];
    const at = rest.findIndex(({ name }) => name === each.name);
    return at < 0 ? [] : rest.splice(at, 1);
  });
  return [...kept, ...rest];
}

async function figuresOf(row, lab, runs) {
  try {
    return (await row.run(lab, runs)).map((each) => ({ row: row.name, ...each }));
  } catch (error) {
    // the other rows must not be lost with it
    process.stderr.write(`bench: ${row.name}: ${error.stack}\n`);
    process.exitCode = 1;
    return [{ row: row.name, ...missing('all', `failed: ${error.message.split('\n')[0]}`) }];
  }
}

function keep(results) {
  if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
}

/** @param {Record<string, number>} took s, by row */
function conditionsNow(before, took) {
  return {
    date: new Date().toISOString().slice(0, 10),
    version: JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version,
    node: process.versions.node,
    kernel: os.release(),
    cpu: `${os.cpus().length} x ${os.cpus()[0]?.model ?? os.arch()}`,
    load: { before, after: os.loadavg()[0] },
    quick: options.quick,
    took,
  };
}

/** The rows' panels of the picture; rows with the same title share one. */
function panels() {
  const byTitle = new Map();
  for (const { name, picture } of rows) {
    const measured = figures.filter(({ row, n }) => row === name && n > 0);
    if (!picture || measured.length === 0) continue;
    const bars = [...(byTitle.get(picture.title)?.bars ?? []), ...picture.bars(measured)];
    byTitle.set(picture.title, { ...picture, bars });
  }
  return [...byTitle.values()].filter(({ bars }) => bars.length > 0);
}
