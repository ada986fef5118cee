import fs from 'node:fs';
import path from 'node:path';

/** @returns {string | undefined} the path of that program, also in the sbin directories */
export function onPath(program) {
  const dirs = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return dirs.map((dir) => path.join(dir, program)).find((file) => fs.existsSync(file));
}

/** @returns {string | undefined} the path of that script of an npm package in this directory */
export function inPackages(script) {
  const file = path.join(import.meta.dirname, 'node_modules', script);
  return fs.existsSync(file) ? file : undefined;
}
