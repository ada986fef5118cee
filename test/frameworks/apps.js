/**
 * The apps of the recipes, with their packages. They are kept in $FRAMEWORKS, /var/tmp/sd-ready-wrap-frameworks if not
 * set, because Next and Nuxt take minutes to install and to build.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { run } from '../release/tools.js';

const SOURCES = path.join(import.meta.dirname, 'apps');
const PLACES = process.env.FRAMEWORKS ?? '/var/tmp/sd-ready-wrap-frameworks';

/**
 * @param {string} name of its folder in apps/
 * @returns {string} the directory of the app, installed and built
 * @throws {Error} with the output of npm
 */
export function installApp(name) {
  const source = path.join(SOURCES, name);
  const place = path.join(PLACES, name);
  const digest = digestOf(source);
  // written last, so it is missing after an install that was cut off
  const done = path.join(place, '.installed');
  if (fs.existsSync(done) && fs.readFileSync(done, 'utf8') === digest) return place;
  process.stderr.write(`installing ${name} in ${place}\n`);
  fs.rmSync(done, { force: true });
  fs.cpSync(source, place, { recursive: true });
  const env = { ...process.env, NODE_ENV: '', NEXT_TELEMETRY_DISABLED: '1', NUXT_TELEMETRY_DISABLED: '1' };
  run('npm', ['install', '--no-audit', '--no-fund'], { cwd: place, env });
  run('npm', ['run', 'build', '--if-present'], { cwd: place, env });
  fs.writeFileSync(done, digest);
  return place;
}

/** @returns {string} the version of an installed package */
export function versionIn(place, name) {
  return JSON.parse(fs.readFileSync(path.join(place, 'node_modules', name, 'package.json'), 'utf8')).version;
}

function digestOf(directory) {
  const hash = createHash('sha256').update(process.version);
  for (const name of fs.readdirSync(directory, { recursive: true }).sort()) {
    const file = path.join(directory, name);
    if (fs.statSync(file).isFile()) hash.update(`${name}\n`).update(fs.readFileSync(file));
  }
  return hash.digest('hex');
}
