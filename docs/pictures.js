/**
 * `npm run pictures`: draws the pictures of README.md anew. A start as a timeline, and the demo as it looks on a
 * terminal, from a run on this machine; they need what the demo needs, and script(1). What clients see of a deploy,
 * from bench/results.json; its table for README goes to stdout. Words: only these pictures, `start`, `demo`, `deploys`.
 */
import fs from 'node:fs';
import { deploysTable } from '../bench/deploys-table.js';
import { svg } from '../bench/picture.js';
import { barsOf } from '../bench/rows/deploys.js';
import { conditionsLine } from '../bench/table.js';
import { demoOnTerminal } from './demo-terminal.js';
import { drawStart, measureStart } from './start-timeline.js';
import { drawTerminal } from './terminal.js';

const file = (name) => new URL(name, import.meta.url);

const PICTURES = {
  start: async () => drawStart(await measureStart()),
  demo: async () => drawTerminal(await demoOnTerminal(), 'npm run demo'),
  deploys: drawDeploys,
};

const words = process.argv.slice(2);
const unknown = words.find((word) => !Object.hasOwn(PICTURES, word));
if (unknown) {
  process.stderr.write(`pictures: ${unknown} is none of ${Object.keys(PICTURES).join(', ')}\n`);
  process.exit(64);
}
for (const [name, draw] of Object.entries(PICTURES)) {
  const picture = (words.length === 0 || words.includes(name)) && (await draw());
  if (picture) fs.writeFileSync(file(`${name}.svg`), picture);
}

/** @returns {string | undefined} nothing where deploys were not measured */
function drawDeploys() {
  const { conditions, figures } = JSON.parse(fs.readFileSync(file('../bench/results.json'), 'utf8'));
  const panels = [
    [
      'Requests lost during one deploy, and the longest answer: 200/s, each on a connection of its own',
      'new connections',
    ],
    ['The same on 20 connections that clients keep', 'keep-alive'],
  ].map(([title, kind]) => ({ title, bars: barsOf(figures, `200/s, ${kind}`) }));
  if (panels.some(({ bars }) => bars.length === 0)) return undefined;
  process.stdout.write(deploysTable(figures));
  return svg(panels, conditionsLine(conditions));
}
