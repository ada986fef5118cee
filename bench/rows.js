/** The rows of the benchmark, in the order of its table. How to add one: README.md. */
import { cpu } from './rows/cpu.js';
import { deploys } from './rows/deploys.js';
import { look } from './rows/look.js';
import { lost } from './rows/lost.js';
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
 * @property {string} name by which the command line asks for it
 * @property {string} title what it measures, for the table
 * @property {string[]} [parts] of which the command line may ask for some only: probes, peers
 * @property {import('./picture.js').Picture} [picture] what the picture shows of it
 * @property {{full: object, quick: object}} runs how many samples, and whatever else makes --quick quick; only the row
 * reads it
 * @property {(lab: import('./lab.js').Lab, runs: any) => Promise<import('./figures.js').Figure[]>} run gets the chosen
 * one of `runs`, with those `parts` in it that were asked for
 */

/** @type {Row[]} */
export const ROWS = [startUp, cpu, ready, rolling, deploys, lost, waiting, pace, rest, relay, scale, look];
