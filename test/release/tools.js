/**
 * Programs from npm packages, each with a fixed version and a directory of its own, because two may be releases of one
 * program. They are kept in $RELEASE_TOOLS, by default /var/tmp/sd-ready-wrap-tools.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const TOOLS = process.env.RELEASE_TOOLS ?? '/var/tmp/sd-ready-wrap-tools';

/**
 * Installs a package, if it is not there yet. Its scripts do not run, because some npm releases would not run them
 * either.
 * @param {string} name of the package, with its version: `pnpm@10.34.8`
 * @param {string} file of the program, below node_modules
 * @param {string} [prepare] the one script that it needs, below node_modules
 * @returns {string} the path of that file
 */
export function tool(name, file, prepare) {
  const place = path.join(TOOLS, name.replaceAll('/', '-'));
  const program = path.join(place, 'node_modules', file);
  // written last, so it is missing after an interrupted install
  const done = path.join(place, 'installed');
  if (fs.existsSync(done)) return program;
  fs.mkdirSync(place, { recursive: true });
  fs.writeFileSync(path.join(place, 'package.json'), '{}');
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', name], { cwd: place });
  if (prepare) run(process.execPath, [path.join(place, 'node_modules', prepare)], { cwd: place });
  if (!fs.existsSync(program)) throw new Error(`${name} has no ${file}`);
  fs.writeFileSync(done, '');
  return program;
}

/**
 * @returns {string} its stdout
 * @throws {Error} with all of its output, if its exit status is not 0
 */
export function run(command, args, options = {}) {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (status === 0) return stdout;
  const end = error?.message ?? signal ?? `exit status ${status}`;
  throw new Error(`${[path.basename(command), ...args].join(' ')}: ${end}\n${stdout ?? ''}${stderr ?? ''}`);
}
