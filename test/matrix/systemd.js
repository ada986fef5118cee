/**
 * `npm run matrix:systemd`: the suite with the systemd of other Debian releases, each in a directory tree. Needs root
 * and debootstrap(8). Arguments: only these releases. Trees are kept in $MATRIX_TREES, by default
 * /var/tmp/sd-ready-wrap-trees.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { runSuite, table } from './suite.js';

const SUITES = ['bullseye', 'bookworm', 'trixie', 'sid'];
/** Packages that the tests need inside. Node comes from outside, the same for all; Node 26 needs libatomic1. */
const PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'perl', 'python3-minimal', 'procps', 'curl', 'libatomic1'];

const trees = process.env.MATRIX_TREES ?? '/var/tmp/sd-ready-wrap-trees';
const named = process.argv.slice(2);
const unknown = named.find((word) => !SUITES.includes(word));
if (unknown) {
  process.stderr.write(`matrix: ${unknown} is none of ${SUITES.join(', ')}\n`);
  process.exit(64);
}

const rows = [];
for (const suite of named.length > 0 ? named : SUITES) {
  const root = tree(suite);
  const version = output('chroot', [root, 'systemctl', '--version']).split('\n')[0] ?? '';
  process.stderr.write(`${suite}: ${version}\n`);
  rows.push([suite, version.replace(/^systemd \d+ \((.*)\)$/, '$1'), ...runSuite(['test/systemd'], { PS_ROOT: root })]);
}
process.stdout.write(table(['Debian', 'systemd', 'passed', 'failed', 'skipped'], rows));
if (rows.some(([, , , failed]) => failed !== 0)) process.exitCode = 1;

function tree(suite) {
  const root = path.join(trees, suite);
  const done = path.join(root, 'etc/sd-ready-wrap-tree');
  // a tree with another list of packages is made anew
  if (fs.existsSync(done) && fs.readFileSync(done, 'utf8') === PACKAGES.join(' ')) return root;
  fs.rmSync(root, { recursive: true, force: true });
  fs.mkdirSync(trees, { recursive: true });
  const { status } = spawnSync('debootstrap', ['--variant=minbase', `--include=${PACKAGES.join(',')}`, suite, root], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) {
    process.stderr.write(`matrix: debootstrap of ${suite} failed: is it installed, and are you root?\n`);
    process.exit(69);
  }
  // Debian's installer writes this file, not a package
  fs.writeFileSync(path.join(root, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
  fs.writeFileSync(done, PACKAGES.join(' '));
  return root;
}

function output(command, args) {
  return spawnSync(command, args, { encoding: 'utf8' }).stdout ?? '';
}
