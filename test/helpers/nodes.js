/**
 * Other releases of Node, out of the npm package `node`, which ships the binaries. They are kept in $MATRIX_NODES,
 * /var/tmp/sd-ready-wrap-nodes if not set.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** The package with the binary: what `node` itself installs, by a script. */
const PACKAGE = `node-linux-${process.arch}`;

/**
 * @param {string} major such as `26`
 * @returns {string | undefined} the binary, if it is installed
 */
export function installedNode(major) {
  const file = path.join(placeOf(major), `node_modules/${PACKAGE}/bin/node`);
  return fs.existsSync(file) ? file : undefined;
}

/**
 * @param {string} major such as `26`
 * @returns {string | undefined} the binary, if it could be installed; else npm has said on stderr why not
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
