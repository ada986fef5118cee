import { expect, it } from 'vitest';
import { launcherOf, stopProblem } from '../../../src/base/command-kind.ts';

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
])('%s is the app', (line) => {
  const [command = '', ...args] = line.split(' ');
  expect(launcherOf(command, args)).toBeUndefined();
});

it('a shell that becomes the app is the app', () => {
  expect(launcherOf('sh', ['-c', 'exec node app.js'])).toBeUndefined();
});

it.each([
  ['mixed', false, 'npm does not pass SIGTERM on, so the app is killed without having been asked to stop'],
  ['process', false, 'npm does not pass SIGTERM on, so the app is left running'],
  ['none', false, 'npm does not pass SIGTERM on, so the app is left running'],
  ['mixed', true, 'npm may end before the app, which is then killed and not waited for'],
  ['process', true, 'npm may end before the app, which is then not waited for'],
  ['control-group', false, undefined],
  ['control-group', true, undefined],
  [undefined, false, undefined],
])('a stop with KillMode=%s, to the group: %s', (killMode, group, problem) => {
  expect(stopProblem('npm', killMode, group)).toBe(problem);
});
