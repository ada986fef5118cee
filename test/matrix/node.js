/**
 * `npm run matrix:node`: the end-to-end suite by other releases of Node, out of npm's package `node`, which ships the
 * binaries. Words: only these majors. They are kept in $MATRIX_NODES, /var/tmp/sd-ready-wrap-nodes if not set.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { runSuite, table } from './suite.js';

const MAJORS = ['20', '22', '24', '26'];

const nodes = process.env.MATRIX_NODES ?? '/var/tmp/sd-ready-wrap-nodes';
const named = process.argv.slice(2);
const unknown = named.find((word) => !MAJORS.includes(word));
if (unknown) {
  process.stderr.write(`matrix: ${unknown} is none of ${MAJORS.join(', ')}\n`);
  process.exit(64);
}

const rows = [];
for (const major of named.length > 0 ? named : MAJORS) {
  const node = binary(major);
  const version = output(node, ['--version']);
  const addon = output(node, ['-p', "try { require('unix-dgram'); 'loads' } catch (e) { 'passed over: ' + e.code }"]);
  process.stderr.write(`Node ${version}, unix-dgram ${addon}\n`);
  rows.push([version, addon, ...runSuite(['test/e2e'], {}, node)]);
}
process.stdout.write(table(['Node', 'unix-dgram built for Node 20', 'passed', 'failed', 'skipped'], rows));
if (rows.some(([, , , failed]) => failed !== 0)) process.exitCode = 1;

function binary(major) {
  const directory = path.join(nodes, major);
  // what the package `node` itself installs, by a script
  const name = `node-linux-${process.arch}`;
  const file = path.join(directory, `node_modules/${name}/bin/node`);
  if (fs.existsSync(file)) return file;
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(path.join(directory, 'package.json'), '{}');
  const install = ['install', '--no-audit', '--no-fund', `${name}@${major}`];
  const { status } = spawnSync('npm', install, { cwd: directory, stdio: ['ignore', 2, 2] });
  if (status !== 0 || !fs.existsSync(file)) {
    process.stderr.write(`matrix: npm's package ${name}@${major} could not be installed\n`);
    process.exit(69);
  }
  return file;
}

function output(command, args) {
  return (spawnSync(command, args, { encoding: 'utf8', cwd: process.cwd() }).stdout ?? '').trim();
}
