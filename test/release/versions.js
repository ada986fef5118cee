/** Checks that each file has the version of package.json. */
import fs from 'node:fs';
import path from 'node:path';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const read = (file) => fs.readFileSync(path.join(REPOSITORY, file), 'utf8');

/** Of the packages that a page names. */
const packageVersions = (file) => [...read(file).matchAll(/sd-ready-wrap[-_](\d+\.\d+\.\d+)/g)].map(([, each]) => each);

/**
 * @param {string} [tag] such as `v0.2.0`
 * @returns {string} the version and its date
 * @throws {Error} names the file that has another version, or no date
 */
export function versions(tag) {
  const { version } = JSON.parse(read('package.json'));
  const lock = JSON.parse(read('package-lock.json'));
  // the newest, https://keepachangelog.com
  const [, newest, date] = /^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$/m.exec(read('CHANGELOG.md')) ?? [];
  const found = {
    'package-lock.json': [lock.version, lock.packages[''].version],
    'CHANGELOG.md': [newest],
    'README.md': packageVersions('README.md'),
    'docs/client.md': packageVersions('docs/client.md'),
    'man/sd-ready-wrap.1': [/^\.TH .*"sd-ready-wrap (.*?)"/m.exec(read('man/sd-ready-wrap.1'))?.[1]],
    ...(tag ? { 'the tag': [tag.replace(/^v/, '')] } : {}),
  };
  for (const [where, all] of Object.entries(found)) {
    const other = all.find((each) => each !== version);
    if (other !== undefined || all.length === 0) throw new Error(`${where} has ${other}, package.json ${version}`);
  }
  if (!date) throw new Error(`CHANGELOG.md has no date for ${version}; write ## [${version}] - YYYY-MM-DD`);
  return `${version}, ${date}`;
}
