/**
 * `npm run release:check`: whether this tree can be published. Fails on any finding. Argument: the tag, `v0.2.0`.
 *
 * All files must have the same version, and the man page must match --help. publint and arethetypeswrong check the
 * package, lintian checks the Debian package, and each package manager installs the package and starts the result.
 * The recipes of docs/frameworks.md run with the real packages.
 */
import fs from 'node:fs';
import path from 'node:path';
import { installs, inWorkDirectory, pack, report } from './installs.js';
import { run, tool } from './tools.js';
import { versions } from './versions.js';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const [tag] = process.argv.slice(2);
const read = (file) => fs.readFileSync(path.join(REPOSITORY, file), 'utf8');

await inWorkDirectory(async (work) => {
  await checked('version', () => versions(tag));
  const page = read('man/sd-ready-wrap.1');
  const tarball = pack(work);
  await checked('man page', () => manPage(page, tarball));
  await checked('publint', () => publint(tarball));
  await checked('arethetypeswrong', () => areTheTypesWrong(tarball));
  await checked('lintian', lintian);
  for (const row of installs(tarball, work)) report(row);
  await checked('recipes', recipes);
});

async function checked(title, check) {
  try {
    report({ title, says: await check() });
  } catch (error) {
    report({ title, finding: error.message });
  }
}

function manPage(before, tarball) {
  run(process.execPath, [path.join(REPOSITORY, 'man/build.js')]);
  const packed = run('tar', ['-xzOf', tarball, 'package/man/sd-ready-wrap.1']);
  if (read('man/sd-ready-wrap.1') !== before || packed !== before) {
    throw new Error('the one in the repository was not of this --help; commit it as it is now');
  }
}

async function publint(tarball) {
  const program = tool('publint@0.3.25', 'publint/src/index-node.js');
  const { publint: judge } = await import(program);
  const { formatMessage } = await import(path.join(path.dirname(program), 'utils.js'));
  const { buffer } = new Uint8Array(fs.readFileSync(tarball));
  const { messages, pkg } = await judge({ pack: { tarball: buffer }, strict: true, level: 'suggestion' });
  const found = messages.filter((message) => !isShell(message));
  if (found.length > 0)
    throw new Error(found.map((message) => formatMessage(message, pkg, { color: false })).join('\n'));
}

/** Accepts no executable program that does not begin with `#!/usr/bin/env`. Each install below starts ours. */
function isShell({ code }) {
  return code === 'BIN_FILE_NOT_EXECUTABLE' && read('bin/sd-ready-wrap.cjs').startsWith('#!/bin/sh\n');
}

function areTheTypesWrong(tarball) {
  run(process.execPath, [tool('@arethetypeswrong/cli@0.18.5', '@arethetypeswrong/cli/dist/index.js'), tarball]);
}

function lintian() {
  const deb = run('npm', ['run', '--silent', 'package:deb'], { cwd: REPOSITORY }).trim().split('\n').at(-1);
  run('lintian', ['--allow-root', '--fail-on', 'error,warning', deb]);
  return path.basename(deb);
}

/** @returns {string} its table */
function recipes() {
  // packing has built what it starts
  return `\n${run(process.execPath, [path.join(REPOSITORY, 'test/frameworks/frameworks.js')]).trim()}`;
}
