/**
 * Installs the program in bench/installed as users install it: `npm pack`, then `npm install --global` with its own
 * prefix. `npm run bench` runs this after the build.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { PREFIX } from './lab.js';

fs.rmSync(PREFIX, { recursive: true, force: true });
fs.mkdirSync(PREFIX);
// --ignore-scripts: pack the build of this run
const packed = npm('pack', '--ignore-scripts', '--silent', '--pack-destination', PREFIX).trim();
npm('install', '--global', '--prefix', PREFIX, '--no-audit', '--no-fund', path.join(PREFIX, packed));

function npm(...args) {
  const cwd = path.resolve(import.meta.dirname, '..');
  const { status, stdout, stderr, error } = spawnSync('npm', args, { cwd, encoding: 'utf8' });
  if (status === 0) return stdout;
  process.stderr.write(`bench: npm ${args.join(' ')}: ${error?.message ?? stderr}\n`);
  process.exit(1);
}
