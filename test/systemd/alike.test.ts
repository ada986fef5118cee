/**
 * Promise: launchers with a watched stream, workers, env files and SIGWINCH behave the same directly and wrapped: rows
 * of the table in docs/transparency.md.
 */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { type TestSystemd, until } from '../helpers/systemd/private-systemd.js';

/** `$DIR` in the app's arguments is the directory of this run. */
interface Recipe {
  readonly options: string;
  readonly app: (systemd: TestSystemd) => string;
  readonly lines: readonly string[];
  /** The files to compare. */
  readonly files: readonly string[];
  /** Written there before the start. */
  readonly given?: Readonly<Record<string, string>>;
}

let count = 0;

/** Starts it, waits for its first line on stdout, stops it. */
async function run(systemd: TestSystemd, way: 'direct' | 'wrapped', { options, app, lines, files, given }: Recipe) {
  const dir = systemd.makeDir();
  chmodSync(dir, 0o777);
  for (const [name, text] of Object.entries(given ?? {})) writeFileSync(`${dir}/${name}`, text);
  const wrapper = `${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs --log-level error ${options} -- `;
  const name = `alike-${++count}.service`;
  systemd.writeUnit(
    name,
    [
      '[Service]',
      `Type=${way === 'direct' ? 'exec' : 'notify'}`,
      `Environment=DIR=${dir}`,
      `WorkingDirectory=${dir}`,
      `StandardOutput=append:${dir}/stdout`,
      `ExecStart=${way === 'direct' ? '' : wrapper}${app(systemd)}`,
      `ExecStopPost=/bin/sh -c 'echo "$$SERVICE_RESULT $$EXIT_CODE $$EXIT_STATUS" >>${dir}/results'`,
      ...lines,
      '',
    ].join('\n'),
  );
  expect(await systemd.systemctl('start', name)).toMatchObject({ code: 0, stderr: '' });
  const read = (file: string) => (existsSync(`${dir}/${file}`) ? readFileSync(`${dir}/${file}`, 'utf8') : undefined);
  await until('its first line', () => /^(up|ready)$/m.test(read('stdout') ?? ''));
  await systemd.systemctl('stop', name);
  await until('the unit to be empty', async () => (await systemd.show(name, 'ControlGroup')) === '');
  return Object.fromEntries(['stdout', 'results', ...files].map((file) => [file, read(file)]));
}

const NODE_APP = `
  const seen = [process.title, process.env.NODE_OPTIONS, process.execArgv.filter((word) => !word.startsWith('--env'))];
  const { Worker } = require('node:worker_threads');
  const worker = new Worker('require("node:worker_threads").parentPort.postMessage([process.env.NODE_OPTIONS])', {
    eval: true,
  });
  worker.on('error', ({ message }) => console.log(message));
  worker.on('message', (message) => console.log(JSON.stringify([...seen, message])));
  worker.on('exit', () => console.log('up'));
  process.on('SIGTERM', () => process.exit(0));
  setInterval(() => {}, 1e9);
`;

const LAUNCHER = `/bin/sh -c 'trap "exit 0" TERM; perl "$$1" "$$2" & wait' sh`;

const CASES: readonly (readonly [string, Recipe, string])[] = [
  [
    'a launcher that ends first, and a watched stream',
    {
      options: '--stdout ^up',
      app: ({ repo }) => `${LAUNCHER} ${repo}/test/fixtures/systemd/saves-jobs.pl .`,
      lines: ['StandardError=null'],
      files: ['saved-1', 'saved-2', 'saved-3'],
    },
    '30000',
  ],
  [
    'workers, and an env file with NODE_OPTIONS, with --watchdog loop',
    {
      options: '--stdout ^up --watchdog loop',
      app: ({ node }) => `${node} --env-file=env app.cjs`,
      lines: ['WatchdogSec=1min'],
      files: [],
      given: { env: 'NODE_OPTIONS="--title=from-the-file"\n', 'app.cjs': NODE_APP },
    },
    'from-the-file',
  ],
  ...['mixed', 'control-group'].map(
    (mode) =>
      [
        `KillSignal=SIGWINCH, KillMode=${mode}`,
        {
          options: '--stdout ^ready',
          app: ({ repo }: TestSystemd) => `/usr/bin/perl ${repo}/test/fixtures/systemd/counts-signals.pl`,
          lines: [`KillMode=${mode}`, 'KillSignal=SIGWINCH', 'Environment=ENDS_BY=WINCH'],
          files: ['signals'],
        },
        'ready',
      ] as const,
  ),
];

describeSystemd('directly and wrapped', ['user-1000', 'system', 'session'], (systemd) => {
  test.each(CASES)('%s: the same', async (_, recipe, tells) => {
    const direct = await run(systemd(), 'direct', recipe);
    const wrapped = await run(systemd(), 'wrapped', recipe);
    expect(direct['stdout']).toContain(tells);
    expect(direct['results']).toBe('success exited 0\n');
    // systemd sends SIGCONT after each signal; how often and when it arrives is up to the kernel
    const told = (files: typeof direct) =>
      Object.fromEntries(Object.entries(files).map(([name, text]) => [name, text?.replaceAll('CONT\n', '')]));
    expect(told(wrapped)).toEqual(told(direct));
  });
});
