/**
 * The check of the options and the probes agree on which probes can be polled again; the options are checked before
 * there are probes.
 */
import { expect, it } from 'vitest';
import { buildConfig } from '../../src/options/config.ts';
import type { RawOptions } from '../../src/options/raw.ts';
import { createProbe } from '../../src/probes/index.ts';
import { canPollAgain } from '../../src/probes/spec.ts';
import { fakeContext } from '../unit/fakes.ts';

const ALL: RawOptions = Object.fromEntries(
  Object.entries({
    ...{ tcp: '3000', listen: 'any', unix: '/x', http: 'http://127.0.0.1/', stdout: 'x', ipc: true, notify: true },
    ...{ fd: '3', file: '/x', exec: 'true', delay: '1s' },
  }).map(([name, text]) => [name, [{ place: `--${name}`, text }]]),
);
const specs = [...buildConfig(ALL, ['node', 'app.js']).probes, ...buildConfig({}, ['node', 'app.js']).probes];

it.each(specs)('$kind', (spec) => {
  expect(createProbe(spec, fakeContext()).polls ?? false).toBe(canPollAgain(spec));
});
