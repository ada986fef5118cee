/**
 * Installs the programs to compare with, if it has permission: npm packages here, Debian packages as root. They are not
 * dependencies of the project. The table names what is missing.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { installNode } from '../../test/helpers/nodes.js';
import { onPath } from './find.js';

const HERE = import.meta.dirname;
const DEBIAN = { 's6-notifyoncheck': 's6', nc: 'netcat-openbsd', 'start-stop-daemon': 'dpkg', bash: 'bash' };

const changedAt = (file) => fs.statSync(path.join(HERE, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
// npm writes this file last
const installed = changedAt('node_modules/.package-lock.json');
if (installed === 0 || installed < changedAt('package-lock.json')) {
  // none of them needs an install script
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: HERE });
}

const lacking = Object.keys(DEBIAN).filter((program) => !onPath(program));
if (lacking.length > 0 && process.getuid?.() === 0 && onPath('apt-get')) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const packages = lacking.map((program) => DEBIAN[program]);
  run('apt-get', ['-q', '-y', 'update'], { env });
  run('apt-get', ['-q', '-y', 'install', '--no-install-recommends', ...packages], { env });
}

// the first releases with SO_REUSEPORT are 22.12 and 23.1
if (!installNode('24')) process.stderr.write('bench: cannot install Node 24; the benchmark leaves out what needs it\n');

function run(command, args, options) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (status === 0) return;
  const reason = String(stderr).trim().split('\n').pop();
  process.stderr.write(`bench: ${command} ${args.join(' ')}: ${reason}; the benchmark leaves out what needs it\n`);
}
