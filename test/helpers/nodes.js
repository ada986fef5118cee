/**
 * Other releases of Node, from the npm package `node`, which ships the binaries. They are kept in $MATRIX_NODES, by
 * default /var/tmp/sd-ready-wrap-nodes.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** The package with the binary, which the package `node` itself installs by a script. */
const PACKAGE = `node-linux-${process.arch}`;

/**
 * @param {string} major such as `26`
 * @returns {string | undefined} the binary, if installed
 */
export function installedNode(major) {
  const file = path.join(placeOf(major), `node_modules/${PACKAGE}/bin/node`);
  return fs.existsSync(file) ? file : undefined;
}

/**
 * @param {string} major such as `26`
 * @returns {string | undefined} the binary, if it could be installed; otherwise npm has printed the reason to stderr
 */
export function installNode(major) {
  if (installedNode(major)) return installedNode(major);
  fs.mkdirSync(placeOf(major), { recursive: true });
  fs.writeFileSync(path.join(placeOf(major), 'package.json'), '{}');
  const install = ['install', '--no-audit', '--no-fund', `${PACKAGE}@${major}`];
  spawnSync('npm', install, { cwd: placeOf(major), stdio: ['ignore', 2, 2] });
  return installedNode(major);
}

function placeOf(major) {
  return path.join(process.env.MATRIX_NODES ?? '/var/tmp/sd-ready-wrap-nodes', major);
}
