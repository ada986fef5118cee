import { expect, it } from 'vitest';
import { literalSlashes } from '../../../../src/probes/log/literal-slashes.ts';

it.each([
  ['stdout', '/ready/', 'ready'],
  ['output', '/^on(line|)$/m', "'^on(line|)$'"],
  ['stderr', '/ready/i', "'[Rr]eady'"],
])('--%s %s', (option, source, right) => {
  expect(literalSlashes(option, new RegExp(source))).toBe(
    `the slashes count as part of the line; without them: --${option} ${right}`,
  );
});

it.each(['/ready', 'ready/', '/srv/app', '/run/my', '//', '/api/v1/', 'ready'])('and not %s', (source) => {
  expect(literalSlashes('stdout', new RegExp(source))).toBe('');
});
