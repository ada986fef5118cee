/**
 * The package managers that sd-ready-wrap is installed with. Some run no install script by default; then unix-dgram is
 * not compiled, and the wrapper must start without it. docs/requirements.md has the same command lines.
 */
import path from 'node:path';
import { tool } from './tools.js';

/** The architecture in the names of packages with prebuilt programs. */
const { arch } = process;
const BUN_ARCH = arch === 'arm64' ? 'aarch64' : arch;

/**
 * @typedef {object} Case
 * @property {string} words after the name of the program: `add --global`; the package comes last
 * @property {boolean} compiles unix-dgram
 * @property {boolean} [inDocs]
 * @property {Record<string, string>} [files] of the project
 */

/**
 * @typedef {object} Manager
 * @property {string} name of the program and its release: `pnpm 10`
 * @property {string} tool its npm package, with the version
 * @property {string} file of the program, below node_modules
 * @property {string} [prepare] a script of that package that makes the program
 * @property {string} [node] the required release of Node
 * @property {(home: string) => Record<string, string>} [env] keeps a global install in that directory
 * @property {(home: string) => string[]} [bins] the directories of programs then
 * @property {(tarball: string) => string} [spec] its name for a tarball
 * @property {readonly Case[]} cases
 */

const npm = {
  file: 'npm/bin/npm-cli.js',
  env: (home) => ({ npm_config_prefix: path.join(home, 'global') }),
  bins: (home) => [path.join(home, 'global/bin')],
};

const pnpm = {
  env: (home) => ({ PNPM_HOME: path.join(home, 'pnpm') }),
  // in bin since release 11
  bins: (home) => [path.join(home, 'pnpm/bin'), path.join(home, 'pnpm')],
};

const NODE_MODULES = 'nodeLinker: node-modules\nenableTelemetry: false\n';

/** @type {readonly Manager[]} */
export const MANAGERS = [
  {
    ...{ name: 'npm 11', tool: 'npm@11.21.2', ...npm },
    cases: [
      { words: 'install', compiles: true },
      { words: 'install --global', compiles: true, inDocs: true },
      { words: 'install --global --ignore-scripts', compiles: false },
    ],
  },
  {
    ...{ name: 'npm 12', tool: 'npm@12.2.2', node: '26', ...npm },
    cases: [
      { words: 'install', compiles: false },
      { words: 'install --global', compiles: false, inDocs: true },
      { words: 'install --global --allow-scripts=unix-dgram', compiles: true, inDocs: true },
    ],
  },
  {
    ...{ name: 'pnpm 9', tool: 'pnpm@9.15.9', file: 'pnpm/bin/pnpm.cjs', ...pnpm },
    cases: [
      { words: 'add', compiles: true },
      { words: 'add --global', compiles: true, inDocs: true },
      { words: 'add --global --ignore-scripts', compiles: false },
    ],
  },
  {
    ...{ name: 'pnpm 10', tool: 'pnpm@10.34.8', file: 'pnpm/bin/pnpm.cjs', ...pnpm },
    cases: [
      { words: 'add', compiles: false },
      { words: 'add --global', compiles: false, inDocs: true },
      { words: 'add --global --allow-build=unix-dgram', compiles: true, inDocs: true },
    ],
  },
  {
    ...{ name: 'pnpm 12', tool: 'pnpm@12.4.2', file: 'pnpm/pnpm', prepare: 'pnpm/install.js', ...pnpm },
    cases: [
      // in a project it fails if there is a script without a decision
      { words: 'add --ignore-scripts', compiles: false, inDocs: true },
      { words: 'add --allow-build=koffi --allow-build=unix-dgram', compiles: true, inDocs: true },
      { words: 'add --global', compiles: false, inDocs: true },
      { words: 'add --global --allow-build=unix-dgram', compiles: true, inDocs: true },
    ],
  },
  {
    ...{ name: 'yarn 1', tool: 'yarn@1.22.22', file: 'yarn/bin/yarn.js' },
    env: (home) => ({
      PREFIX: path.join(home, 'global'),
      YARN_GLOBAL_FOLDER: path.join(home, 'yarn'),
      YARN_CACHE_FOLDER: path.join(home, 'cache'),
    }),
    bins: (home) => [path.join(home, 'global/bin')],
    spec: (tarball) => `file:${tarball}`,
    cases: [
      { words: 'add', compiles: true },
      { words: 'global add', compiles: true, inDocs: true },
      { words: 'add --ignore-scripts', compiles: false },
    ],
  },
  {
    ...{ name: 'yarn 4', tool: '@yarnpkg/cli-dist@4.18.1', file: '@yarnpkg/cli-dist/bin/yarn.js' },
    spec: (tarball) => `sd-ready-wrap@file:${tarball}`,
    cases: [
      { words: 'add', compiles: false, inDocs: true, files: { '.yarnrc.yml': NODE_MODULES, 'yarn.lock': '' } },
      {
        ...{ words: 'add node-gyp@11', compiles: true, inDocs: true },
        files: { '.yarnrc.yml': `${NODE_MODULES}enableScripts: true\n`, 'yarn.lock': '' },
      },
    ],
  },
  {
    // unix-dgram is on its list of packages whose scripts run
    ...{ name: 'bun 1', tool: 'bun@1.4.5', file: `@oven/bun-linux-${BUN_ARCH}/bin/bun` },
    env: (home) => ({ BUN_INSTALL: path.join(home, 'bun') }),
    bins: (home) => [path.join(home, 'bun/bin')],
    cases: [
      { words: 'add', compiles: true },
      { words: 'add --global', compiles: true, inDocs: true },
      { words: 'add --global --ignore-scripts', compiles: false },
    ],
  },
];

/**
 * @param {Manager} manager
 * @param {string} node runs it, if it is a script
 * @returns {string[]} the command that starts it
 */
export function commandOf({ tool: name, file, prepare }, node) {
  const program = tool(name, file, prepare);
  return /\.c?js$/.test(program) ? [node, program] : [program];
}
