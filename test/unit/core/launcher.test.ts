import { expect, it } from 'vitest';
import { launcherOf } from '../../../src/core/launcher.ts';

it.each([
  ['npm start', 'npm'],
  ['/usr/bin/npx next start', 'npx'],
  ['yarn start', 'yarn'],
  ['pnpm start', 'pnpm'],
  ['env -i A=1 npm start', 'npm'],
  ['node /usr/lib/node_modules/npm/bin/npm-cli.js start', 'npm'],
  ['sh -c server', 'sh -c'],
  ['/bin/bash -lc server', 'bash -c'],
])('%s does not pass signals on', (line, name) => {
  const [command = '', ...args] = line.split(' ');
  expect(launcherOf(command, args)).toBe(name);
});

it.each(['node app.js', 'node npm.js', 'sh start.sh', 'env A=1 node app.js', 'python3 -c pass'])(
  '%s is the app',
  (line) => {
    const [command = '', ...args] = line.split(' ');
    expect(launcherOf(command, args)).toBeUndefined();
  },
);

it('a shell that becomes the app is the app', () => {
  expect(launcherOf('sh', ['-c', 'exec node app.js'])).toBeUndefined();
});
