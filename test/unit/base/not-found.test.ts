import { expect, it } from 'vitest';
import { notFound } from '../../../src/base/not-found.ts';

it.each([
  ['shop', /^not found \(ENOENT\); give its absolute path/],
  ['/usr/local/bin/node', /see that it is there/],
  ['./run.sh', /see that it is there/],
  // it may be one program, whose interpreter is missing
  ['/opt/my app/server', /see that it is there/],
  ['node server.js', /write its words apart, .*: -- node server\.js$/],
  ['NODE_ENV=production', /Environment=NODE_ENV=production in the unit, or env NODE_ENV=production before/],
  ['cd', /WorkingDirectory=/],
  ['cd /srv && node app.js', /write its words apart|WorkingDirectory=/],
])('%s', (command, text) => {
  expect(notFound(command)).toMatch(text);
});
