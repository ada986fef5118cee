/** Other releases of Node: the binaries in npm's package `node`, kept in $MATRIX_NODES. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const NODES = process.env.MATRIX_NODES ?? '/var/tmp/sd-ready-wrap-nodes';

// what the package `node` itself installs, by a script
const PACKAGE = `node-linux-${process.arch}`;

/** @returns {string | undefined} the binary of that major version, if it is installed */
export function nodeOf(major) {
  const file = path.join(NODES, major, `node_modules/${PACKAGE}/bin/node`);
  return fs.existsSync(file) ? file : undefined;
}

/** Installs it if it is not there. @returns {string | undefined} */
export function installNode(major) {
  if (nodeOf(major)) return nodeOf(major);
  const directory = path.join(NODES, major);
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(path.join(directory, 'package.json'), '{}');
  const install = ['install', '--no-audit', '--no-fund', `${PACKAGE}@${major}`];
  spawnSync('npm', install, { cwd: directory, stdio: ['ignore', 2, 2] });
  return nodeOf(major);
}
