/**
 * Installs the program as its users have it, below bench/installed: `npm pack`, and `npm install --global` of that with
 * a prefix of its own. Run by `npm run bench` behind the build.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { PREFIX } from './lab.js';

fs.rmSync(PREFIX, { recursive: true, force: true });
fs.mkdirSync(PREFIX);
// the build of this run is packed
const packed = npm('pack', '--ignore-scripts', '--silent', '--pack-destination', PREFIX).trim();
npm('install', '--global', '--prefix', PREFIX, '--no-audit', '--no-fund', path.join(PREFIX, packed));

function npm(...args) {
  const cwd = path.resolve(import.meta.dirname, '..');
  const { status, stdout, stderr, error } = spawnSync('npm', args, { cwd, encoding: 'utf8' });
  if (status === 0) return stdout;
  process.stderr.write(`bench: npm ${args.join(' ')}: ${error?.message ?? stderr}\n`);
  process.exit(1);
}
