import { describe, expect, it } from 'vitest';
import { type Attempt, pollUntil } from '../../../src/probes/poll.ts';
import { fakeClock, isSettled } from '../fakes.ts';

const timing = { initialDelay: 500, interval: 20, attemptTimeout: 1000 };

/** Runs a poll whose attempts are answered by hand. */
function poll(answer?: (done: (reason?: string) => void) => void, times: Parameters<typeof pollUntil>[1] = timing) {
  const clock = fakeClock(7);
  const abort = new AbortController();
  const attempts: { at: number; done: (reason?: string) => void; takenBack: boolean }[] = [];
  const reasons: string[] = [];
  const attempt: Attempt = (done) => {
    const record = { at: clock.now() - 7, done, takenBack: false };
    attempts.push(record);
    answer?.(done);
    return () => {
      record.takenBack = true;
    };
  };
  const finished = pollUntil(attempt, times, clock, abort.signal, (reason) => reasons.push(reason));
  return { clock, abort, attempts, reasons, finished };
}

describe('pollUntil', () => {
  it('waits for the initial delay, then asks', () => {
    const { clock, attempts } = poll();
    clock.advance(499);
    expect(attempts).toHaveLength(0);
    clock.advance(1);
    expect(attempts).toHaveLength(1);
  });

  it('keeps the interval from the start of an attempt to the start of the next', async () => {
    const { clock, attempts, reasons, finished } = poll();
    clock.advance(500);
    clock.advance(5);
    attempts[0]?.done('ECONNREFUSED');
    clock.advance(14);
    expect(attempts).toHaveLength(1);
    clock.advance(1);
    expect(attempts.map(({ at }) => at)).toEqual([500, 520]);
    attempts[1]?.done('ECONNRESET');
    expect(reasons).toEqual(['ECONNREFUSED', 'ECONNRESET']);
    expect(await isSettled(finished)).toBe(false);
    clock.advance(20);
    attempts[2]?.done();
    await finished;
    expect(clock.pending).toBe(0);
    clock.advance(10_000);
    expect(attempts).toHaveLength(3);
    expect(attempts.every(({ takenBack }) => !takenBack)).toBe(true);
  });

  it('rests for half of it after a long attempt', () => {
    const { clock, attempts } = poll();
    clock.advance(500);
    clock.advance(300);
    attempts[0]?.done('ECONNREFUSED');
    clock.advance(9);
    expect(attempts).toHaveLength(1);
    clock.advance(1);
    expect(attempts.map(({ at }) => at)).toEqual([500, 810]);
  });

  it('asks how long to wait where that changes', () => {
    const intervals = [7, 20, 7];
    const nextInterval = () => intervals.shift() ?? 1000;
    const { clock, attempts } = poll((done) => done('not yet'), { ...timing, nextInterval });
    clock.advance(500 + 7 + 20 + 7);
    expect(attempts.map(({ at }) => at)).toEqual([500, 507, 527, 534]);
  });

  it('takes back an attempt that does not answer, and goes on', async () => {
    const { clock, attempts, reasons, finished } = poll();
    clock.advance(1499);
    expect(attempts.map(({ takenBack }) => takenBack)).toEqual([false]);
    clock.advance(1);
    expect(attempts.map(({ takenBack }) => takenBack)).toEqual([true]);
    expect(reasons).toEqual(['no response yet', 'no response within --attempt-timeout']);
    clock.advance(10);
    expect(attempts.map(({ at }) => at)).toEqual([500, 1510]);
    attempts[1]?.done();
    await finished;
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['before the first attempt', 100, false],
    ['during an attempt', 600, false],
    ['between two attempts', 510, true],
  ])('an abort %s leaves no timer and no attempt', async (_, at, answered) => {
    const { clock, abort, attempts, finished } = poll();
    clock.advance(Math.min(500, at));
    if (answered) attempts[0]?.done('ECONNREFUSED');
    clock.advance(Math.max(0, at - 500));
    const before = attempts.length;
    abort.abort();
    expect(clock.pending).toBe(0);
    if (!answered && before > 0) expect(attempts[0]?.takenBack).toBe(true);
    clock.advance(100_000);
    expect(attempts).toHaveLength(before);
    expect(await isSettled(finished)).toBe(false);
  });

  it('does not begin for a signal that was aborted before', async () => {
    const clock = fakeClock();
    const finished = pollUntil(
      () => expect.fail('asked'),
      timing,
      clock,
      AbortSignal.abort(),
      () => {},
    );
    expect(clock.pending).toBe(0);
    expect(await isSettled(finished)).toBe(false);
  });

  describe('an attempt that throws', () => {
    it('has a reason for it where the system gave one, and is made again', () => {
      const { clock, attempts, reasons } = poll(() => {
        throw Object.assign(new Error('not allowed'), { code: 'EACCES' });
      });
      clock.advance(520);
      expect(attempts).toHaveLength(2);
      expect(reasons).toEqual(['EACCES', 'EACCES']);
      expect(clock.pending).toBe(1);
    });

    it('is a bug otherwise', async () => {
      const { clock, finished } = poll(() => {
        throw new TypeError('bug');
      });
      clock.advance(500);
      await expect(finished).rejects.toThrow('bug');
      expect(clock.pending).toBe(0);
    });
  });

  describe('an attempt that answers before it returns', () => {
    it('counts as any other', async () => {
      let n = 0;
      const { clock, attempts, reasons, finished } = poll((done) => {
        n += 1;
        done(n < 3 ? `no ${n}` : undefined);
      });
      clock.advance(540);
      await finished;
      expect(attempts.map(({ at }) => at)).toEqual([500, 520, 540]);
      expect(reasons).toEqual(['no 1', 'no 2']);
      expect(clock.pending).toBe(0);
    });

    it('leaves no timer after an abort either', () => {
      const { clock, abort, attempts } = poll((done) => done('not yet'));
      clock.advance(500);
      abort.abort();
      expect(clock.pending).toBe(0);
      clock.advance(10_000);
      expect(attempts).toHaveLength(1);
    });
  });
});
