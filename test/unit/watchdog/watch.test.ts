import { describe, expect, it } from 'vitest';
import type { Vitals } from '../../../src/watchdog/vitals.ts';
import { startWatch, type WatchdogNews, watchdogRequest } from '../../../src/watchdog/watch.ts';
import { fakeClock } from '../fakes.ts';

describe('watchdogRequest', () => {
  const nonsense = ['', '0', '-1', '1s', '1e6', ' 5', '18446744073709551615', '99999999999999999999'];

  it.each<[NodeJS.ProcessEnv, ReturnType<typeof watchdogRequest>]>([
    [{}, undefined],
    [{ WATCHDOG_PID: '7' }, undefined],
    [{ WATCHDOG_USEC: '3000000' }, { intervalMs: 3000 }],
    [{ WATCHDOG_USEC: '500', WATCHDOG_PID: '7' }, { intervalMs: 0.5 }],
    [{ WATCHDOG_USEC: '3000000', WATCHDOG_PID: '8' }, undefined],
    [{ WATCHDOG_USEC: '18446744073709551614' }, { intervalMs: 18446744073709552 }],
    [{ WATCHDOG_USEC: '5', WATCHDOG_PID: 'me' }, { problem: 'WATCHDOG_PID=me is not a process' }],
  ])('%j', (env, request) => {
    expect(watchdogRequest(env, 7)).toEqual(request);
  });

  it.each(nonsense)('WATCHDOG_USEC=%s is a problem', (usec) => {
    const problem = `WATCHDOG_USEC=${usec} is not a number of microseconds`;
    expect(watchdogRequest({ WATCHDOG_USEC: usec }, 7)).toEqual({ problem });
  });
});

/** A watch, and what it told with the time of it. */
function watch(vitals: Vitals | 'own-pings', intervalMs = 1000) {
  const clock = fakeClock();
  const told: [number, WatchdogNews][] = [];
  const watching = startWatch({ intervalMs, vitals, clock, tell: (news) => told.push([clock.now(), news]) });
  return {
    clock,
    watching,
    /** Since the last call. */
    news: () => told.splice(0),
    pingsAt: () => told.splice(0).flatMap(([at, news]) => (news.type === 'healthy' ? [at] : [])),
  };
}

/** Well or not, as its `why` says. */
function patient() {
  return {
    why: undefined as string | undefined,
    looks: 0,
    ended: false,
    look() {
      this.looks += 1;
      return this.why;
    },
    end() {
      this.ended = true;
    },
  };
}

describe('pings', () => {
  it.each([
    [1000, [500, 1000, 1500, 2000]],
    [3, [1.5, 3, 4.5, 6]],
    // the shortest that a timer can be
    [0.1, [1, 2, 3, 4]],
  ])('come each half of %d ms', (intervalMs, at) => {
    const { clock, pingsAt } = watch(patient(), intervalMs);
    clock.advance(at.at(-1) as number);
    expect(pingsAt()).toEqual(at);
  });

  it('delays do not add up, and behind a long one there is no second look at once', () => {
    const clock = fakeClock();
    const at: number[] = [];
    let lateBy = 100;
    const late = { ...clock, after: (ms: number, callback: () => void) => clock.after(ms + lateBy, callback) };
    startWatch({ intervalMs: 1000, vitals: patient(), clock: late, tell: () => at.push(clock.now()) });
    clock.advance(1000);
    lateBy = 1400;
    clock.advance(100);
    lateBy = 0;
    clock.advance(2900);
    expect(at).toEqual([600, 1100, 2900, 3400, 3900]);
  });

  it('one look without life is not the end, a whole interval is; then it is looked at more often', () => {
    const app = patient();
    const { clock, news } = watch(app);
    clock.advance(500);
    app.why = 'deaf';
    clock.advance(500);
    expect(news().map(([, { type }]) => type)).toEqual(['healthy', 'healthy']);
    clock.advance(2000);
    expect(news()).toEqual([[1500, { type: 'unhealthy', why: 'deaf', forMs: 1000 }]]);
    const { looks } = app;
    app.why = undefined;
    clock.advance(100);
    expect(app.looks).toBe(looks + 1);
    expect(news()).toEqual([
      [3100, { type: 'recovered' }],
      [3100, { type: 'healthy' }],
    ]);
    clock.advance(1000);
    expect(news().map(([at]) => at)).toEqual([3600, 4100]);
  });

  it('life in every second look is enough', () => {
    const app = patient();
    const { clock, pingsAt } = watch(app);
    for (let half = 0; half < 10; half += 1) {
      app.why = half % 2 === 0 ? 'late' : undefined;
      clock.advance(500);
    }
    expect(pingsAt()).toHaveLength(10);
  });

  it('follow the interval that the app asks for, and pause where it asks for none', () => {
    const { clock, watching, pingsAt } = watch(patient());
    watching.hear(['WATCHDOG_USEC=200000']);
    clock.advance(300);
    expect(pingsAt()).toEqual([100, 200, 300]);
    watching.hear(['STATUS=x', 'WATCHDOG_USEC=nonsense']);
    clock.advance(100);
    expect(pingsAt()).toEqual([400]);
    watching.hear(['WATCHDOG_USEC=0']);
    clock.advance(100_000);
    expect(pingsAt()).toEqual([]);
    watching.hear(['WATCHDOG_USEC=18446744073709551615']);
    clock.advance(100_000);
    watching.hear(['WATCHDOG_USEC=1000000']);
    clock.advance(500);
    expect(pingsAt()).toEqual([200_900]);
  });

  it('end when they are stopped', () => {
    const app = patient();
    const { clock, watching, news } = watch(app);
    watching.stop();
    expect([clock.pending, app.ended]).toEqual([0, true]);
    clock.advance(5000);
    expect(news()).toEqual([]);
  });
});

describe("the app's own pings", () => {
  it('are not sent by us; a late one is told before systemd acts, and one that is late only once', () => {
    const { clock, watching, news } = watch('own-pings');
    for (let ping = 0; ping < 5; ping += 1) {
      clock.advance(600);
      watching.hear(['WATCHDOG=1']);
    }
    expect(news()).toEqual([]);
    clock.advance(5000);
    expect(news()).toEqual([[3900, { type: 'unhealthy', why: 'it sent no WATCHDOG=1', forMs: 900 }]]);
    watching.hear(['WATCHDOG=1', 'STATUS=x']);
    expect(news()).toEqual([[8000, { type: 'recovered' }]]);
    watching.hear(['WATCHDOG_USEC=100000']);
    clock.advance(90);
    expect(news()).toEqual([[8090, { type: 'unhealthy', why: 'it sent no WATCHDOG=1', forMs: 90 }]]);
    watching.stop();
    expect(clock.pending).toBe(0);
  });
});
