/**
 * Makes a fresh clone ready to be built, tested and shown: the packages of package-lock.json, and, where this may
 * install them, the programs that the tests with a real systemd need. Nothing but Node itself is needed to run it.
 * Where all is there it says nothing and takes no time. --for-tests: also what only a test needs, a compiler above all.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { installNode } from '../helpers/nodes.js';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const CI = process.env.CI === 'true';
const FOR_TESTS = process.argv.includes('--for-tests');

/** Where to find it, and the Debian package that has it. */
const PROGRAMS = [
  { file: 'systemd', dirs: ['/lib/systemd', '/usr/lib/systemd'], debian: 'systemd' },
  { file: 'systemctl', debian: 'systemd' },
  { file: 'systemd-analyze', debian: 'systemd' },
  { file: 'perl', debian: 'perl-base' },
  { file: 'unshare', debian: 'util-linux' },
  { file: 'nsenter', debian: 'util-linux' },
  { file: 'setpriv', debian: 'util-linux' },
];

const PROGRAMS_OF_TESTS = [
  { file: 'systemd-notify', debian: 'systemd' },
  { file: 'openssl', debian: 'openssl' },
  { file: 'python3', debian: 'python3' },
  // what the npm package sd-notify is compiled with
  { file: 'sd-daemon.h', dirs: ['/usr/include/systemd'], debian: 'libsystemd-dev' },
  { file: 'make', debian: 'make' },
  // what the Debian package is made and looked at with
  { file: 'dpkg-deb', debian: 'dpkg' },
  { file: 'strip', debian: 'binutils' },
  { file: 'help2man', debian: 'help2man' },
  { file: 'lintian', debian: 'lintian' },
  { file: 'mandoc', debian: 'mandoc' },
  // the shells that may be sh
  { file: 'dash', debian: 'dash' },
  { file: 'bash', debian: 'bash' },
  { file: 'busybox', debian: 'busybox' },
  // whose completion is tested, in a terminal of script's
  { file: 'zsh', debian: 'zsh' },
  { file: 'fish', debian: 'fish' },
  { file: 'script', debian: 'bsdutils' },
  { file: 'g++', debian: 'g++' },
  { file: 'ansible-playbook', debian: 'ansible-core' },
  // which docs/slow-starts.md asks the journal with
  { file: 'jq', debian: 'jq' },
];

/**
 * An app with the npm package sd-notify, which is not among ours: without a compiler ours could then not be installed.
 */
const SD_NOTIFY = 'test/fixtures/sd-notify';

installPackages();
installPrograms();
if (FOR_TESTS) {
  installSdNotify();
  // for the tests of node:ffi, which older releases do not have
  if (!installNode('26')) end('Node 26 could not be installed, see above; its tests are skipped', CI ? 1 : 0);
}

function installPackages() {
  // npm writes this file last, so it is missing or old after an install that was cut off
  const installed = changedAt('node_modules/.package-lock.json');
  if (installed >= changedAt('package-lock.json') && installed > 0) return;
  const { status } = spawnSync('npm', ['install', '--no-save', '--no-audit', '--no-fund'], {
    cwd: REPOSITORY,
    stdio: 'inherit',
  });
  if (status !== 0) end('npm install failed, see above', 1);
}

function installSdNotify() {
  const installed = changedAt(`${SD_NOTIFY}/node_modules/.package-lock.json`);
  if (installed >= changedAt(`${SD_NOTIFY}/package-lock.json`) && installed > 0) return;
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: path.join(REPOSITORY, SD_NOTIFY),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) end('the npm package sd-notify could not be installed, see above; its test is skipped', CI ? 1 : 0);
}

function installPrograms() {
  let lacking = missingPrograms();
  if (lacking.length === 0) return;
  const mayInstall = process.getuid?.() === 0 && isThere({ file: 'apt-get' });
  if (mayInstall) {
    const packages = [...new Set(lacking.map(({ debian }) => debian))];
    say(`installing ${packages.join(', ')}`);
    if (apt('update')) apt('install', '--no-install-recommends', ...packages);
    lacking = missingPrograms();
    if (lacking.length === 0) return;
  }
  const names = lacking.map(({ file }) => file).join(', ');
  const debian = [...new Set(lacking.map((program) => program.debian))].join(' ');
  end(`missing: ${names} (Debian: apt-get install ${debian}); tests that need a real systemd are skipped`, CI ? 1 : 0);
}

function apt(...words) {
  const { status, stderr } = spawnSync('apt-get', ['-q', '-y', ...words], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
  });
  if (status !== 0) say(`apt-get ${words[0]} failed: ${String(stderr).trim().split('\n').pop()}`);
  return status === 0;
}

function missingPrograms() {
  return [...PROGRAMS, ...(FOR_TESTS ? PROGRAMS_OF_TESTS : [])].filter((program) => !isThere(program));
}

function isThere({ file, dirs = ['/usr/sbin', '/sbin', ...(process.env.PATH ?? '').split(':')] }) {
  return dirs.some((dir) => existsSync(path.join(dir, file)));
}

function changedAt(file) {
  return statSync(path.join(REPOSITORY, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

function end(text, status) {
  say(text);
  process.exit(status);
}
