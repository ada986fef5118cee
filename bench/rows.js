/** The rows of the benchmark, in the order of its table. How to add one: README.md. */
import { cpu } from './rows/cpu.js';
import { deploys } from './rows/deploys.js';
import { lost } from './rows/lost.js';
import { owner } from './rows/owner.js';
import { pace } from './rows/pace.js';
import { ready } from './rows/ready.js';
import { relay } from './rows/relay.js';
import { rest } from './rows/rest.js';
import { rolling } from './rows/rolling.js';
import { scale } from './rows/scale.js';
import { startUp } from './rows/start-up.js';
import { waiting } from './rows/waiting.js';

/**
 * @typedef {object} Row
 * @property {string} name its word on the command line
 * @property {string} title what it measures, for the table
 * @property {string[]} [parts] the words that select a part of it on the command line: probes, peers
 * @property {import('./picture.js').Picture} [picture] its part of the picture
 * @property {{full: object, quick: object}} runs how many samples, and what else makes --quick quick; only the row
 * reads it
 * @property {(lab: import('./lab.js').Lab, runs: any) => Promise<import('./figures.js').Figure[]>} run gets one of
 * `runs`, and the chosen `parts` in it
 */

/** @type {Row[]} */
export const ROWS = [startUp, cpu, ready, rolling, deploys, lost, waiting, pace, rest, relay, scale, owner];
