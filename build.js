/**
 * Bundles src/ into two CommonJS files: one starts the app, the other supervises it. Node then opens a tenth of the
 * files before the app starts, and needs no ESM loader. Rarely needed libraries are separate files, and so are the
 * preloads for the app's Node (`--watchdog loop`, `--take-sockets`). Other dynamic imports become lazy parts of the
 * same file, which cost nothing until they are needed.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';

/** Rarely needed libraries, each in its own file. */
const APART = ['commander', 'execa', 'pino'];

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

rmSync(new URL('dist', import.meta.url), { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: {
    main: 'src/cli/bin.ts',
    attend: 'src/cli/attend.ts',
    ...Object.fromEntries(APART.map((name) => [name, name])),
  },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  plugins: [{ name: 'parts', setup: keepPartsApart }],
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // turns import() of the addons into require(): they are not bundled, and may be missing at run time
  supported: { 'dynamic-import': false },
  // identifiers are kept, because a stack trace must be readable
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  sourcesContent: false,
  define: { __VERSION__: JSON.stringify(version) },
  absWorkingDir: import.meta.dirname,
  metafile: true,
});
await buildClient();
await build({
  entryPoints: { 'loop-beat': 'src/watchdog/preload.ts', 'take-sockets': 'src/take-sockets/preload.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  // the app's Node may be older than ours
  target: 'node12',
  format: 'cjs',
  minifySyntax: true,
  absWorkingDir: import.meta.dirname,
});
writeFileSync(new URL('dist/LICENSES.txt', import.meta.url), licences(Object.keys(metafile.inputs)));

// a digest, by which bin/sd-ready-wrap.cjs finds the matching code cache
for (const name of ['main', 'attend', ...APART]) {
  const file = new URL(`dist/${name}.cjs`, import.meta.url);
  const source = readFileSync(file);
  writeFileSync(file, `/*${createHash('sha256').update(source).digest('hex').slice(0, 16)}*/${source}`);
}

/**
 * Writes the code cache, as any first run does. It contains the functions that were compiled in this run, so the run
 * uses all usual probes at once.
 */
const app = `
  const server = () => require('node:http').createServer((_, response) => response.end());
  server().listen(process.env.SOCKET, () => server().listen(process.env.PORT, '127.0.0.1', () => {
    console.log('listening');
    process.send('ready', () => setTimeout(process.exit, process.env.LIVES));
  }));
`;
const port = String(await freePort());
const socket = join(mkdtempSync(join(tmpdir(), 'sd-ready-wrap-build-')), 'socket');
const url = `http://127.0.0.1:${port}/`;
const probes = [
  '--tcp',
  port,
  '--listen',
  port,
  '--http',
  url,
  '--unix',
  socket,
  '--exec',
  'true',
  '--stdout',
  '^listening$',
];
const options = [...probes, '--ipc', '--log-format', 'json'];
const words = ['bin/sd-ready-wrap.cjs', ...options, '--', process.execPath, '-e', app];
let log = '';
// a busy machine needs longer until all probes are ready, ms
for (const LIVES of ['500', '2500', '12500']) {
  rmSync(socket, { force: true });
  const env = { PATH: process.env.PATH, PORT: port, SOCKET: socket, LIVES };
  log = spawnSync(process.execPath, words, { cwd: import.meta.dirname, env, encoding: 'utf8' }).stderr;
  if (log.includes('"event":"ready"')) break;
}
rmSync(dirname(socket), { recursive: true });
if (!log.includes('"event":"ready"')) throw new Error(`the run that fills the code cache failed: ${log}`);

/** The modules for apps: as ES modules and for require(), with types for both. */
async function buildClient() {
  const entryPoints = { client: 'src/client/index.ts', 'sd-notify': 'src/client/sd-notify.ts' };
  const options = {
    entryPoints,
    outdir: 'dist',
    bundle: true,
    platform: 'node',
    target: 'node20',
    absWorkingDir: import.meta.dirname,
  };
  // require() returns a plain object, as that of the replaced package does
  const plain =
    'module.exports = Object.defineProperty(module.exports.default, "default", { value: module.exports.default });\n';
  await build({ ...options, format: 'esm', outExtension: { '.js': '.mjs' } });
  await build({ ...options, format: 'cjs', outExtension: { '.js': '.cjs' } });
  appendFileSync(new URL('dist/sd-notify.cjs', import.meta.url), plain);
  const types = mkdtempSync(join(tmpdir(), 'sd-ready-wrap-types-'));
  const compilerOptions = {
    ...{ noEmit: false, declaration: true, emitDeclarationOnly: true, outDir: types },
    ...{ rootDir: join(import.meta.dirname, 'src'), typeRoots: [join(import.meta.dirname, 'node_modules/@types')] },
  };
  const project = {
    extends: join(import.meta.dirname, 'tsconfig.json'),
    compilerOptions,
    include: [],
    files: Object.values(entryPoints).map((file) => join(import.meta.dirname, file)),
  };
  writeFileSync(join(types, 'tsconfig.json'), JSON.stringify(project));
  const compiler = join(import.meta.dirname, 'node_modules/typescript/bin/tsc');
  const tsc = spawnSync(process.execPath, [compiler, '-p', types], { encoding: 'utf8' });
  if (tsc.status !== 0) throw new Error(`no types: ${tsc.stdout}`);
  for (const [name, source] of Object.entries(entryPoints)) {
    const text = readFileSync(join(types, source.replace('src/', '').replace(/\.ts$/, '.d.ts')));
    for (const end of ['d.mts', 'd.cts']) writeFileSync(new URL(`dist/${name}.${end}`, import.meta.url), text);
  }
  rmSync(types, { recursive: true });
}

/** The licences of the bundled packages, each of which requires its text in copies. */
function licences(inputs) {
  // node_modules may be a symbolic link to another directory
  const packages = inputs.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  return [...new Set(packages)]
    .sort()
    .map((name) => join(import.meta.dirname, name))
    .map((directory) => {
      const { name, version: of, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
      const file = readdirSync(directory).find((each) => /^licen[cs]e/i.test(each));
      if (!file) throw new Error(`${name} brings no licence`);
      return `${name} ${of}, ${license}\n\n${readFileSync(join(directory, file), 'utf8').trim()}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address();
  server.close();
  return free;
}

/** `import('./attend.ts')` and imports of APART load their own files. */
function keepPartsApart({ onResolve }) {
  onResolve({ filter: new RegExp(`^(?:\\./attend\\.ts|${APART.join('|')})$`) }, ({ kind, path }) =>
    kind === 'entry-point' ? undefined : { path: `./${basename(path, '.ts')}.cjs`, external: true },
  );
}
