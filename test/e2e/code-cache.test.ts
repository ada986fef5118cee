/**
 * Promise: the code cache is made by the first run that may, in a directory that no other user can change, and never by
 * a service's user. With one that is bad, or none, all works the same.
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

test('the first start makes it, the next one takes it as it is', async () => {
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

test('what starts no app makes none', async () => {
  using installation = install();
  await using run = new Run(NODE, [installation.bin, '--help'], {});
  expect(await run.closed).toEqual({ code: 0 });
  expect(cachesOf(installation)).toEqual([]);
});

test.each([
  ['the group', 0o775],
  ['everybody', 0o757],
])('none where %s may write', async (_, mode) => {
  using installation = install();
  chmodSync(distOf(installation), mode);
  await start(installation);
  expect(cachesOf(installation)).toEqual([]);
});

test('none where a directory above may be changed', async () => {
  using installation = install();
  chmodSync(dirname(distOf(installation)), 0o777);
  await start(installation);
  expect(cachesOf(installation)).toEqual([]);
});

test('a link is not followed, and what V8 refuses is made anew', async () => {
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

testAsRoot("none by a service's user, though it owns the program; but by root", async () => {
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
