/**
 * `npm run matrix:node`: the end-to-end suite with other releases of Node (helpers/nodes.js). Arguments: only these.
 */
import { spawnSync } from 'node:child_process';
import { installNode } from '../helpers/nodes.js';
import { runSuite, table } from './suite.js';

const MAJORS = ['20', '22', '24', '26'];

const named = process.argv.slice(2);
const unknown = named.find((word) => !MAJORS.includes(word));
if (unknown) {
  process.stderr.write(`matrix: ${unknown} is none of ${MAJORS.join(', ')}\n`);
  process.exit(64);
}

const rows = [];
for (const major of named.length > 0 ? named : MAJORS) {
  const node = installNode(major) ?? fail(`Node ${major} could not be installed from npm's package node`);
  const version = output(node, ['--version']);
  const addon = output(node, ['-p', "try { require('unix-dgram'); 'loads' } catch (e) { 'passed over: ' + e.code }"]);
  process.stderr.write(`Node ${version}, unix-dgram ${addon}\n`);
  rows.push([version, addon, ...runSuite(['test/e2e'], {}, node)]);
}
process.stdout.write(table(['Node', 'unix-dgram built for Node 20', 'passed', 'failed', 'skipped'], rows));
if (rows.some(([, , , failed]) => failed !== 0)) process.exitCode = 1;

function output(command, args) {
  return (spawnSync(command, args, { encoding: 'utf8', cwd: process.cwd() }).stdout ?? '').trim();
}

function fail(problem) {
  process.stderr.write(`matrix: ${problem}\n`);
  process.exit(69);
}
