/** What must agree in a release (npm run release:check checks the packages too). */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { MANAGERS } from '../release/managers.js';
import { versions } from '../release/versions.js';

const read = (file: string) => readFileSync(resolve(import.meta.dirname, '../..', file), 'utf8');

it('each file has the version of package.json, and CHANGELOG.md a date for it', () => {
  expect(versions()).toMatch(/^\d+\.\d+\.\d+, \d{4}-\d\d-\d\d$/);
  expect(() => versions('v0.0.1')).toThrow(/^the tag has 0\.0\.1, package\.json /);
});

it('the releases of Node on the pages are those of the workflow and of npm run matrix:node', () => {
  const workflow = /^ +node: \[(.*)\]$/m.exec(read('.github/workflows/ci.yml'))?.[1]?.split(', ');
  const matrix = [...(/MAJORS = \[(.*)\]/.exec(read('test/matrix/node.js'))?.[1] ?? '').matchAll(/\d+/g)].flat();
  expect(workflow).toEqual(matrix);
  const releases = matrix
    .slice(1)
    .join(', ')
    .replace(/, (\d+)$/, ' or $1');
  for (const page of ['README.md', 'docs/requirements.md']) expect(read(page)).toContain(`Node ${releases}`);
  expect(JSON.parse(read('package.json')).engines.node).toBe(`>=${matrix[0]}`);
});

it('docs/requirements.md has the command lines that are tested with each package manager', () => {
  for (const { name, cases } of MANAGERS) {
    for (const { words } of cases.filter(({ inDocs }) => inDocs)) {
      expect(read('docs/requirements.md')).toContain(`\`${name.split(' ')[0]} ${words} sd-ready-wrap\``);
    }
  }
});
