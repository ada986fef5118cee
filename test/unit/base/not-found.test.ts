import { expect, it } from 'vitest';
import { notFound } from '../../../src/base/not-found.ts';

it.each([
  ['shop', /^not found \(ENOENT\) on PATH; write its absolute path/],
  ['/usr/local/bin/node', /check that the file exists/],
  ['./run.sh', /check that the file exists/],
  // it may well be one program, whose interpreter is missing
  ['/opt/my app/server', /check that the file exists/],
  ['node server.js', /write the words without quotes .*: -- node server\.js$/],
  [`${process.execPath} server.js`, /write the words without quotes .* server\.js$/],
  ['NODE_ENV=production', /Environment=NODE_ENV=production in the unit, or env NODE_ENV=production before/],
  ['cd', /WorkingDirectory=/],
  ['cd /srv && node app.js', /write the words without quotes|WorkingDirectory=/],
])('%s', (command, text) => {
  expect(notFound(command)).toMatch(text);
});
