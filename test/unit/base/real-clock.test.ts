import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { clock } from '../../../src/base/real-clock.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'hrtime'] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('the real clock', () => {
  it('calls back once, in time, and not if disposed', () => {
    const calls: string[] = [];
    clock.after(20, () => calls.push('kept'));
    const dispose = clock.after(20, () => calls.push('disposed'));
    dispose();
    dispose();
    vi.advanceTimersByTime(19);
    expect(calls).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(calls).toEqual(['kept']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits for longer than setTimeout can', () => {
    const month = 30.44 * 86_400_000;
    let calls = 0;
    const now = clock.now();
    clock.after(month, () => {
      calls += 1;
    });
    vi.advanceTimersByTime(month - 1000);
    expect(calls).toBe(0);
    vi.advanceTimersByTime(1001);
    expect(calls).toBe(1);
    expect(clock.now() - now).toBeGreaterThanOrEqual(month);
  });

  it('disposes a long wait in its later part too', () => {
    const dispose = clock.after(60 * 86_400_000, () => expect.fail('called'));
    vi.advanceTimersByTime(40 * 86_400_000);
    dispose();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('sets no timer for infinity', () => {
    clock.after(Number.POSITIVE_INFINITY, () => expect.fail('called'))();
    expect(vi.getTimerCount()).toBe(0);
  });
});
