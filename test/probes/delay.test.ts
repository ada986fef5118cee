import { describe, expect, it } from 'vitest';
import { delayProbe } from '../../src/probes/delay.ts';
import { fakeContext, isSettled } from '../unit/fakes.ts';

function start(ms: number) {
  const context = { ...fakeContext(), timing: { initialDelay: 5000, interval: 20, attemptTimeout: 1000 } };
  const abort = new AbortController();
  const probe = delayProbe({ kind: 'delay', ms }, context);
  return { clock: context.clock, abort, probe, waited: probe.wait(abort.signal) };
}

describe('a delay', () => {
  it('is over after its time, whatever --initial-delay is', async () => {
    const { clock, probe, waited } = start(10_000);
    expect(probe.name).toBe('delay 10 s');
    expect(probe.reason).toBe('not over yet');
    clock.advance(9999);
    expect(await isSettled(waited)).toBe(false);
    clock.advance(1);
    expect(await waited).toBe('delay 10 s');
  });

  it('leaves nothing behind when aborted', async () => {
    const { clock, abort, waited } = start(10_000);
    abort.abort();
    expect(clock.pending).toBe(0);
    clock.advance(20_000);
    expect(await isSettled(waited)).toBe(false);
  });
});
