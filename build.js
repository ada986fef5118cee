/**
 * Bundles src/ into one CommonJS file: a tenth of the files to open, and no ESM loader, before the app starts.
 * Dynamic imports become lazy parts of the same file, so what stands behind one costs nothing until it is needed.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

/**
 * execa looks at process.stdin, stdout and stderr as it is imported, which makes Node open them and set O_NONBLOCK on
 * descriptors that the app inherits and others share. We only ever inherit or pipe, so the look can wait until asked.
 */
const execaLeavesStdioAlone = {
  name: 'execa-leaves-stdio-alone',
  setup(builder) {
    builder.onLoad({ filter: /execa\/lib\/utils\/standard-stream\.js$/ }, ({ path }) => {
      const eager = 'export const STANDARD_STREAMS = [process.stdin, process.stdout, process.stderr];';
      const source = readFileSync(path, 'utf8');
      if (!source.includes(eager)) throw new Error(`${path} has changed: look at it again`);
      return {
        contents: source.replace(
          eager,
          `export const STANDARD_STREAMS = {
            get 0() { return process.stdin; }, get 1() { return process.stdout; }, get 2() { return process.stderr; },
            includes(stream) { return this.indexOf(stream) !== -1; },
            indexOf(stream) {
              return stream === null || typeof stream !== 'object' ? -1 : [this[0], this[1], this[2]].indexOf(stream);
            },
          };`,
        ),
        loader: 'js',
      };
    });
  },
};

rmSync(new URL('dist', import.meta.url), { recursive: true, force: true });
await build({
  entryPoints: ['src/cli/bin.ts'],
  outfile: 'dist/sd-ready-wrap.cjs',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // import() of what is not bundled becomes require(): the addons, found at run time or not
  supported: { 'dynamic-import': false },
  // not the names: a stack trace of ours must be readable
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  sourcesContent: false,
  define: { __VERSION__: JSON.stringify(version) },
  plugins: [execaLeavesStdioAlone],
  absWorkingDir: import.meta.dirname,
});

/**
 * The code cache holds the functions that were compiled by the time it is made, so it is made at the end of a real run.
 */
const makeCache = `
  const script = require('./bin/sd-ready-wrap.cjs');
  const save = () => require('node:fs').writeFileSync('dist/sd-ready-wrap.cjs.cache', script.createCachedData());
  process.on('exit', save);
`;
spawnSync(process.execPath, ['-e', makeCache, '--', '--tcp', '1', '--', 'true'], {
  cwd: import.meta.dirname,
  env: { PATH: process.env.PATH },
  stdio: 'ignore',
});
