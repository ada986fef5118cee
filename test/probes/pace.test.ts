import { expect, it } from 'vitest';
import { pace } from '../../src/probes/pace.ts';
import { fakeContext } from '../unit/fakes.ts';

const NOTHING = { initialDelay: 0, interval: undefined, attemptTimeout: undefined };

it.each([
  ['tcp', 20, 20],
  ['unix', 20, 20],
  ['file', 20, 20],
  ['http', 8, 14],
  ['exec', 8, 14],
] as const)('--%s polls each %i ms in the first second, and each %i ms from then on', (kind, first, later) => {
  const { clock } = fakeContext();
  const timing = pace(kind, NOTHING, clock);
  clock.advance(999);
  expect(timing.interval).toBe(first);
  clock.advance(1);
  expect(timing.interval).toBe(later);
  expect(timing.attemptTimeout).toBe(1000);
});

it('polls as often as --interval says', () => {
  const { clock } = fakeContext();
  expect(pace('http', { ...NOTHING, interval: 100 }, clock).interval).toBe(100);
});
