/**
 * Promise: the first run that is allowed to makes the code cache, in a directory that no other user can change. A
 * service's user never does. With a bad cache, or none, everything works the same.
 */
import { chmodSync, chownSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { NODE, sh } from '../helpers/apps.ts';
import { type Installation, install } from '../helpers/install.ts';
import { testAsRoot } from '../helpers/root.ts';
import { tempDir } from '../helpers/temp.ts';
import { Run } from '../helpers/wrap.ts';

const PARTS = ['attend', 'main'].map((name) => new RegExp(`^${name}\\.cjs\\.[0-9a-f]{16}-v[\\d.]+\\.cache$`));

const distOf = ({ bin }: Installation) => join(dirname(bin), '../dist');
const cachesOf = (installation: Installation) =>
  readdirSync(distOf(installation)).filter((name) => /\.cache/.test(name) && !name.startsWith('pino'));

async function start(installation: Installation, env = {}, under: readonly string[] = []): Promise<void> {
  const [command = NODE, ...words] = [...under, NODE, installation.bin, '--delay', '1ms', '--', ...sh('exit 3')];
  await using run = new Run(command, words, { env, cwd: '/' });
  expect(await run.closed).toEqual({ code: 3 });
}

test('the first start makes it, the next one uses it unchanged', async () => {
  using installation = install();
  await start(installation);
  const caches = cachesOf(installation).sort();
  expect(caches).toEqual(PARTS.map((pattern) => expect.stringMatching(pattern)));
  const stats = () => caches.map((name) => statSync(join(distOf(installation), name)));
  const before = stats();
  expect(before.map(({ mode }) => mode & 0o777)).toEqual([0o644, 0o644]);
  await start(installation);
  expect(stats().map(({ ino, mtimeMs }) => [ino, mtimeMs])).toEqual(before.map(({ ino, mtimeMs }) => [ino, mtimeMs]));
  expect(cachesOf(installation).sort()).toEqual(caches);
});

test('a run that starts no app makes none', async () => {
  using installation = install();
  await using run = new Run(NODE, [installation.bin, '--help'], {});
  expect(await run.closed).toEqual({ code: 0 });
  expect(cachesOf(installation)).toEqual([]);
});

test.each([
  ['the group', 0o775],
  ['every user', 0o757],
])('makes none if %s can write there', async (_, mode) => {
  using installation = install();
  chmodSync(distOf(installation), mode);
  await start(installation);
  expect(cachesOf(installation)).toEqual([]);
});

test('makes none if a directory above can be changed', async () => {
  using installation = install();
  chmodSync(dirname(distOf(installation)), 0o777);
  await start(installation);
  expect(cachesOf(installation)).toEqual([]);
});

test('does not follow a link, and makes anew what V8 refuses', async () => {
  using installation = install();
  using dir = tempDir();
  await start(installation);
  const [attend = '', main = ''] = cachesOf(installation).sort();
  using another = install();
  writeFileSync(dir.file('precious'), 'precious');
  symlinkSync(dir.file('precious'), join(distOf(another), attend));
  writeFileSync(join(distOf(another), main), readFileSync(join(distOf(installation), main)).subarray(0, 100_000));
  await start(another);
  expect(readFileSync(dir.file('precious'), 'utf8')).toBe('precious');
  expect(cachesOf(another).sort()).toEqual([attend, main]);
  expect(statSync(join(distOf(another), main)).size).toBeGreaterThan(100_000);
});

testAsRoot("root makes it; a service's user does not, even as owner of the program", async () => {
  using installation = install();
  for (const path of [dirname(distOf(installation)), distOf(installation)]) chownSync(path, 1000, 1000);
  const under = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups'];
  await start(installation, { INVOCATION_ID: 'f3a1b1a5c1f24f6c9a1e1d1c2b3a4f5e' }, under);
  expect(cachesOf(installation)).toEqual([]);
  await start(installation, {}, under);
  expect(cachesOf(installation).length).toBe(2);
  using ours = install();
  await start(ours, { INVOCATION_ID: 'f3a1b1a5c1f24f6c9a1e1d1c2b3a4f5e' });
  expect(cachesOf(ours).length).toBe(2);
});
