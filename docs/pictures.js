/**
 * `npm run pictures`: draws all pictures of the documentation. `start` and `demo` come from a run on this machine,
 * which needs what the demo needs, and script(1). `deploys` and `bench` come from bench/results.json; the table of
 * deploys goes to stdout. Words: only these pictures, such as `start`.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deploysTable } from '../bench/deploys-table.js';
import { svg } from '../bench/picture.js';
import { barsOf } from '../bench/rows/deploys.js';
import { conditionsLine } from '../bench/table.js';
import { demoOnTerminal } from './demo-terminal.js';
import { DIAGRAMS } from './diagrams.js';
import { drawStart, measureStart } from './start-timeline.js';
import { drawTerminal } from './terminal.js';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const RESULTS = file('../bench/results.json');

/** Each returns the SVG, or has written it. */
const PICTURES = {
  ...DIAGRAMS,
  start: async () => drawStart(await measureStart()),
  demo: async () => drawTerminal(await demoOnTerminal(), 'npm run demo'),
  deploys: drawDeploys,
  bench: () => {
    const words = [file('../bench/bench.js'), '--from', RESULTS, '--svg', file('bench.svg')];
    execFileSync(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  },
};

const words = process.argv.slice(2);
const unknown = words.find((word) => !Object.hasOwn(PICTURES, word));
if (unknown) {
  process.stderr.write(`pictures: no picture ${unknown}; choose from ${Object.keys(PICTURES).join(', ')}\n`);
  process.exit(64);
}
for (const [name, draw] of Object.entries(PICTURES)) {
  const picture = (words.length === 0 || words.includes(name)) && (await draw());
  if (picture) fs.writeFileSync(file(`${name}.svg`), picture);
}

/** @returns {string | undefined} undefined if deploys were not measured */
function drawDeploys() {
  const { conditions, figures } = JSON.parse(fs.readFileSync(RESULTS, 'utf8'));
  const panels = [
    [
      'Requests lost during one deploy, and the longest answer: 200 requests/s, each on a new connection',
      'new connections',
    ],
    ['The same on 20 keep-alive connections', 'keep-alive'],
  ].map(([title, kind]) => ({ title, bars: barsOf(figures, `200/s, ${kind}`) }));
  if (panels.some(({ bars }) => bars.length === 0)) return undefined;
  process.stdout.write(deploysTable(figures));
  return svg(panels, conditionsLine(conditions), 'Deploys, measured');
}
