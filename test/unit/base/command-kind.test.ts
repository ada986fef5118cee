import { expect, it } from 'vitest';
import { launcherOf, nodeOptions, runsFile, stopProblem } from '../../../src/base/command-kind.ts';

it.each([
  ['npm start', 'npm'],
  ['/usr/bin/npx next start', 'npx'],
  ['yarn start', 'yarn'],
  ['pnpm start', 'pnpm'],
  ['env -i A=1 npm start', 'npm'],
  ['node /usr/lib/node_modules/npm/bin/npm-cli.js start', 'npm'],
  ['node --no-warnings /usr/lib/node_modules/corepack/dist/pnpm.js start', 'pnpm'],
  ['bunx serve', 'bunx'],
  ['node --run start', 'node --run'],
  ['/usr/bin/node22 --run=start', 'node --run'],
  ['sh -c server', 'sh -c'],
  ['/bin/bash -lc server', 'bash -c'],
  ['make serve', 'make'],
  ['bun run start', 'bun run'],
  ['deno task start', 'deno task'],
])('%s does not pass signals on', (line, name) => {
  const [command = '', ...args] = line.split(' ');
  expect(launcherOf(command, args)).toBe(name);
});

it.each([
  'node app.js',
  'node npm.js',
  'node app.js --run',
  'tsx app.ts',
  'sh start.sh',
  'env A=1 node app.js',
  'python3 -c pass',
])('%s is the app itself', (line) => {
  const [command = '', ...args] = line.split(' ');
  expect(launcherOf(command, args)).toBeUndefined();
});

it('a shell that becomes the app counts as the app', () => {
  expect(launcherOf('sh', ['-c', 'exec node app.js'])).toBeUndefined();
});

it.each([
  ['mixed', false, 'npm does not forward SIGTERM, so the app is killed without a SIGTERM'],
  ['process', false, 'npm does not forward SIGTERM, so the app is left running'],
  ['none', false, 'npm does not forward SIGTERM, so the app is left running'],
  ['mixed', true, 'npm may end before the app, and then nothing waits for the app, which is killed'],
  ['process', true, 'npm may end before the app, and then nothing waits for the app'],
  ['control-group', false, undefined],
  ['control-group', true, undefined],
  [undefined, false, undefined],
])('a stop with KillMode=%s, to the group: %s', (killMode, group, problem) => {
  expect(stopProblem('npm', killMode, group)).toBe(problem);
});

it.each<[string, string, string | undefined]>([
  ['bash start.sh', 'node app.js\n', 'bash start.sh'],
  ['sh -e /srv/start.sh', 'cd /srv\nnode app.js\n', 'sh start.sh'],
  ['bash start.sh', 'cd /srv\nexec node app.js\n', undefined],
  ['./start.sh', '#!/bin/sh\nnode app.js\n', 'start.sh'],
  ['/srv/start', '#!/usr/bin/env bash\nnode app.js\n', 'start'],
  ['./start.sh', '#!/bin/sh\nexec node app.js\n', undefined],
  ['./start.sh', '#!/bin/sh\nexec 2>&1\nnode app.js\n', 'start.sh'],
  ['./server', '#!/usr/bin/env node\n', undefined],
  ['./server', '\u007fELF', undefined],
])('%s, a script of %j: %s', (line, script, name) => {
  const [command = '', ...args] = line.split(' ');
  expect(launcherOf(command, args, () => script)).toBe(name);
});

it.each([
  ['node app.js', true],
  ['/usr/bin/node --enable-source-maps dist/main.js --port 3', true],
  ['node --import tsx app.ts', true],
  ['node -r dotenv/config app.js', true],
  ['env NODE_ENV=production node app.js', true],
  ['bun app.ts', true],
  ['bun run ./server.js', true],
  ['deno run --allow-net main.ts', true],
  ['node', false],
  ['node -e code', false],
  ['node --run start', false],
  ['node --watch app.js', false],
  ['node --test', false],
  ['node /usr/lib/node_modules/npm/bin/npm-cli.js start', false],
  ['bun run start', false],
  ['bun start', false],
  ['deno task start', false],
  ['tsx app.ts', false],
  ['npm start', false],
  ['next start', false],
  ['./start.sh', false],
  ['bash start.sh', false],
  ['python3 app.py', false],
  ['make serve', false],
])('%s runs a file itself: %s', (line, itself) => {
  const [command = '', ...args] = line.split(' ');
  expect(runsFile(command, args)).toBe(itself);
});

it('the value of an option is not the script', () => {
  expect(nodeOptions(['--import', 'tsx', '-r', './a.js', '--no-warnings', 'app.js', '--import'])).toHaveLength(5);
});
