/**
 * `npm run release:installs`: installs the package with each package manager, with and without install scripts, and
 * starts the result. Arguments: only the managers whose names begin with one of them.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { installNode } from '../helpers/nodes.js';
import { commandOf, MANAGERS } from './managers.js';
import { run } from './tools.js';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const SERVER = "require('node:http').createServer().listen(0, '127.0.0.1')";

if (process.argv[1] === import.meta.filename) {
  await inWorkDirectory((work) => {
    for (const row of installs(pack(work), work, process.argv.slice(2))) report(row);
  });
}

/** @param {(work: string) => void | Promise<void>} use gets a directory that is removed afterwards */
export async function inWorkDirectory(use) {
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'sd-ready-wrap-release-'));
  try {
    await use(work);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** @returns {string} the path of the tarball, in `directory` */
export function pack(directory) {
  // the build prints nothing to stdout
  const name = run('npm', ['pack', '--silent', '--pack-destination', directory], { cwd: REPOSITORY });
  return path.join(directory, name.trim().split('\n').at(-1));
}

/**
 * @typedef {object} Row
 * @property {string} title
 * @property {string} [says] the transports that the installed program reports
 * @property {string} [finding] what is wrong
 */

/**
 * @param {readonly string[]} [names] only managers whose names begin with one of them
 * @returns {Generator<Row>} one for each way to install
 */
export function* installs(tarball, work, names = []) {
  const wanted = ({ name }) => names.length === 0 || names.some((begin) => name.startsWith(begin));
  for (const manager of MANAGERS.filter(wanted)) {
    for (const each of manager.cases) yield attempt(manager, each, tarball, work);
  }
}

/** Prints a row; a finding makes the exit status 1. */
export function report({ title, says, finding }) {
  const text = `${finding ? 'FAILED' : 'ok    '}  ${title.padEnd(60)} ${finding ?? says ?? ''}`.trimEnd();
  process.stdout.write(`${text.replaceAll('\n', '\n        ')}\n`);
  if (finding) process.exitCode = 1;
}

function attempt(manager, { words, compiles, files }, tarball, work) {
  const title = `${manager.name} ${words}`;
  try {
    const node = manager.node ? installNode(manager.node) : process.execPath;
    if (!node) throw new Error(`Node ${manager.node} could not be installed`);
    const home = fs.mkdtempSync(path.join(work, 'home-'));
    return { title, ...judged(install(manager, node, words.split(' '), files, tarball, home), node, compiles) };
  } catch (error) {
    return { title, finding: error.message };
  }
}

/** @returns {string} the installed program */
function install(manager, node, words, files, tarball, home) {
  const project = path.join(home, 'project');
  fs.mkdirSync(project);
  const all = { 'package.json': '{ "name": "app", "private": true }', ...files };
  for (const [name, text] of Object.entries(all)) fs.writeFileSync(path.join(project, name), text);
  const bins = manager.bins?.(home) ?? [];
  const [command, ...args] = commandOf(manager, node);
  const env = { ...environment(node, [...bins, path.dirname(command)]), HOME: home, ...manager.env?.(home) };
  run(command, [...args, ...words, manager.spec?.(tarball) ?? tarball], { cwd: project, env });
  const isGlobal = words.includes('--global') || words.includes('global');
  const places = isGlobal ? bins : [path.join(project, 'node_modules/.bin')];
  const found = places.map((place) => path.join(place, 'sd-ready-wrap')).find((file) => fs.existsSync(file));
  if (!found) throw new Error(`no sd-ready-wrap in ${places.join(', ')}`);
  return found;
}

/** Our environment, without what npm sets for its scripts, such as the one that runs this. */
function environment(node, programDirectories) {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD$|NODE$)/i.test(name));
  const programs = (process.env.PATH ?? '').split(':').filter((directory) => !directory.includes('node_modules'));
  const npm = JSON.parse(run('npm', ['config', 'list', '--json'], { cwd: os.tmpdir() }));
  // the headers for a compiler, if they came with that Node: otherwise node-gyp downloads them
  const nodedir = path.dirname(path.dirname(node));
  return {
    ...Object.fromEntries(kept),
    PATH: [path.dirname(node), ...programDirectories, ...programs].join(':'),
    npm_config_registry: npm.registry,
    ...(fs.existsSync(path.join(nodedir, 'include/node/node.h')) ? { npm_config_nodedir: nodedir } : {}),
  };
}

/** Starts it as a unit would: by its path, with a minimal environment. */
function judged(bin, node, compiles) {
  const env = { PATH: `${path.dirname(node)}:/usr/bin:/bin`, HOME: '/nonexistent' };
  const says = /^notify transport: (.*)$/m.exec(run(bin, ['--version'], { env }))?.[1];
  const expected = [
    ...(node === process.execPath ? [] : ['node:ffi']),
    ...(compiles ? ['unix-dgram'] : []),
    'koffi',
  ].join(', ');
  if (says !== expected) return { says, finding: `--version has ${says}, and not ${expected}` };
  const args = ['--dry-run', '--exit-when-ready', '--timeout', '1min', '--listen', 'any', '--', node, '-e', SERVER];
  const { status, stderr } = spawnSync(bin, args, { env, encoding: 'utf8' });
  return status === 0 ? { says } : { says, finding: `a dry run ended with ${status}: ${stderr}` };
}
