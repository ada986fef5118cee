/**
 * `npm run pictures`: draws the pictures of README.md anew, each from a run on this machine: a start as a timeline, and
 * the demo as it looks on a terminal. Needs what the demo needs, and script(1).
 */
import fs from 'node:fs';
import { demoOnTerminal } from './demo-terminal.js';
import { drawStart, measureStart } from './start-timeline.js';
import { drawTerminal } from './terminal.js';

const file = (name) => new URL(name, import.meta.url);

fs.writeFileSync(file('start.svg'), drawStart(await measureStart()));
fs.writeFileSync(file('demo.svg'), drawTerminal(await demoOnTerminal(), 'npm run demo'));
