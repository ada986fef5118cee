import { describe, expect, it } from 'vitest';
import {
  type Awaited,
  type Manager,
  type Stopping,
  type Supervised,
  supervise,
} from '../../../src/lifecycle/supervise.ts';
import type { AppNotice } from '../../../src/notify/parse.ts';
import type { Readiness } from '../../../src/probes/readiness.ts';
import type { ForwardedSignal, SignalFate } from '../../../src/signals/signals.ts';
import { fakeApp, fakeClock, fakeLog, fakeNotifier, isSettled, settle } from '../fakes.ts';

/** What a test may change. */
type Given = Partial<
  Pick<Supervised, 'watchdog'> &
    Pick<Awaited, 'timeout' | 'reloadTimeout' | 'extendTimeout' | 'diagnose'> &
    Pick<Manager, 'handoff' | 'processed' | 'notices'> &
    Pick<Stopping, 'onExit' | 'settled'> & {
      readiness: Readiness;
      startedAt: number;
      stopSignal: string;
      stopTimeout: number;
      exitWhenReady: boolean;
      killError: string;
    }
>;

/** A start with fake surroundings. `trace` records actions, notifications and the log, in order. */
function start(given: Given = {}) {
  const trace: string[] = [];
  const clock = fakeClock(1000);
  const app = fakeApp(trace, given.killError === undefined ? {} : { killError: given.killError });
  let ready: (by: string) => void = () => {};
  let fail: (bug: Error) => void = () => {};
  let waitSignal: AbortSignal | undefined;
  const readiness: Readiness & { text: string } = {
    name: 'tcp 1',
    text: 'tcp 1',
    waitingFor: () => readiness.text,
    wait(signal) {
      waitSignal = signal;
      return new Promise((resolve, reject) => {
        ready = resolve;
        fail = reject;
      });
    },
  };
  let listener: (signal: ForwardedSignal, fate: SignalFate) => void = () => {};
  let announce: (signal: ForwardedSignal) => void = () => {};
  let readyAgain: (by: string) => void = () => {};
  const again = { told: false, waits: 0, aborted: 0 };
  const { handoff, processed, notices, watchdog, onExit, settled, timeout, stopTimeout, stopSignal } = given;
  const { diagnose, extendTimeout, reloadTimeout, exitWhenReady } = given;
  const ended = supervise({
    ...{ app, name: 'the app', clock, log: fakeLog(trace), watchdog },
    started: { at: given.startedAt ?? 1000, since: '10:02:11' },
    readiness: {
      first: given.readiness ?? readiness,
      again: (told) => {
        void told.then(() => {
          again.told = true;
        });
        return {
          name: 'tcp 1',
          waitingFor: () => 'tcp 1: ECONNREFUSED',
          wait(signal) {
            again.waits += 1;
            signal.addEventListener('abort', () => {
              again.aborted += 1;
            });
            return new Promise((resolve) => {
              readyAgain = resolve;
            });
          },
        };
      },
      timeout: timeout ?? Number.POSITIVE_INFINITY,
      reloadTimeout: reloadTimeout ?? Number.POSITIVE_INFINITY,
      isAll: exitWhenReady ?? false,
      ...{ extendTimeout, diagnose },
    },
    systemd: {
      notifier: fakeNotifier(trace),
      watches: true,
      isReload: (signal) => signal === 'SIGHUP',
      monotonicUsec: () => 7n,
      timeOfDay: () => '10:05:00',
      notices,
      ...(handoff !== undefined && { handoff }),
      ...(processed && { processed }),
    },
    stop: {
      onSignal: (hear, onArrival) => {
        listener = hear;
        announce = onArrival;
      },
      signal: stopSignal ?? 'SIGTERM',
      timeout: stopTimeout ?? 10_000,
      ...(onExit && { onExit }),
      ...(settled && { settled }),
    },
  });
  return {
    trace,
    clock,
    app,
    readiness,
    ended,
    /** The trace since the last call. */
    news: () => trace.splice(0),
    ready: (by = 'tcp 1') => ready(by),
    fail: (bug: Error) => fail(bug),
    stoppedWaiting: () => waitSignal?.aborted ?? false,
    again,
    readyAgain: (by = 'tcp 1') => readyAgain(by),
    announce: (name: ForwardedSignal) => announce(name),
    signal: (name: ForwardedSignal, fate: SignalFate = { fate: 'forwarded', as: name }) => {
      announce(name);
      listener(name, fate);
    },
  };
}

const STARTED = 'info started: started the app, pid 42; waiting for tcp 1';

describe('a successful start', () => {
  it('takes these steps in this order', async () => {
    const run = start();
    expect(run.news()).toEqual([STARTED, 'notify STATUS=Starting since 10:02:11: waiting for tcp 1']);
    run.clock.advance(250);
    run.ready();
    await settle();
    expect(run.news()).toEqual([
      'notify READY=1 | STATUS=App (pid 42) ready after 250 ms: tcp 1',
      'info ready: ready after 250 ms: tcp 1',
    ]);
    expect(run.stoppedWaiting()).toBe(true);
    expect(run.clock.pending).toBe(0);

    run.signal('SIGTERM');
    expect(run.news()).toEqual(['kill SIGTERM', 'info signal: forwarded SIGTERM to the app']);
    run.app.die({ signal: 'SIGTERM' });
    await settle();
    expect(run.news(), 'it spoke before the last words of the app').toEqual([]);
    expect(await isSettled(run.ended)).toBe(false);
    run.app.finishDraining();
    expect(await run.ended).toEqual({ signal: 'SIGTERM' });
    expect(run.news()).toEqual(['info exited: the app was killed by SIGTERM', 'close']);
    expect(run.clock.pending).toBe(0);
  });

  it('has no timers once it is ready: no start timeout, no status, no kill', async () => {
    const run = start({ timeout: 30_000 });
    run.ready();
    await settle();
    run.news();
    run.readiness.text = 'tcp 1: ECONNREFUSED';
    run.signal('SIGTERM');
    run.clock.advance(24 * 3600 * 1000);
    expect(run.news()).toEqual(['kill SIGTERM', 'info signal: forwarded SIGTERM to the app']);
  });

  it(
    'sends a rewritten signal under its new name, and does not send one that the app already got ' + 'or must not get',
    () => {
      const run = start();
      run.news();
      run.signal('SIGTERM', { fate: 'forwarded', as: 'SIGQUIT' });
      run.signal('SIGTERM', { fate: 'reached' });
      run.signal('SIGHUP', { fate: 'withheld' });
      expect(run.news()).toEqual([
        'kill SIGQUIT',
        'info signal: forwarded SIGTERM to the app as SIGQUIT',
        'warn stop-requested: stopped by SIGTERM after 0 ms, before the app was ready: tcp 1',
        'info signal: SIGTERM already reached the app (sent to the whole unit)',
        'info signal: SIGHUP not forwarded (--forward-signals or --rewrite-signal)',
      ]);
    },
  );

  it('does not report a signal as forwarded whose fate is decided after the end of the app', async () => {
    const settled = new Promise<void>((resolve) => setImmediate(resolve));
    const run = start({ settled: () => settled });
    run.news();
    run.app.die({ code: 1 });
    await settle();
    run.signal('SIGTERM');
    expect(run.news()).toEqual(['info signal: SIGTERM not forwarded: the app had ended']);
    run.app.finishDraining();
    await settled;
    expect(await run.ended).toEqual({ code: 1 });
    expect(run.news()).toContain('error exited: the app exited with code 1 after 0 ms, before it was ready: tcp 1');
  });

  it('logs why a signal could not be sent', () => {
    const run = start({ killError: 'EPERM' });
    run.news();
    run.signal('SIGHUP');
    expect(run.news()).toEqual([
      'kill SIGHUP',
      'error kill: cannot send SIGHUP to the app: EPERM',
      'info signal: forwarded SIGHUP to the app',
    ]);
  });
});

describe('the death of the app', () => {
  it.each([
    [{ code: 0 }, 'exited with code 0'],
    [{ code: 7 }, 'exited with code 7'],
    [{ signal: 'SIGKILL' }, 'was killed by SIGKILL'],
  ])('before it was ready ends the wait at once: %j', async (status, how) => {
    const run = start({ timeout: 30_000 });
    run.readiness.text = 'tcp 1: ECONNREFUSED';
    run.news();
    run.clock.advance(400);
    run.app.die(status);
    run.app.finishDraining();
    expect(await run.ended).toEqual(status);
    const text = `the app ${how} after 400 ms, before it listened (tcp 1)`;
    const isBackground = 'code' in status && status.code === 0;
    const advice = 'if the app daemonizes, ';
    expect(run.news()).toEqual([
      isBackground
        ? expect.stringContaining(`notify STATUS=${text}; ${advice}`)
        : `notify STATUS=${text}; its own output may say why`,
      ...(isBackground ? [expect.stringContaining(`warn advice: ${advice}`)] : []),
      `error exited: ${text}`,
      'close',
    ]);
    expect(run.stoppedWaiting()).toBe(true);
    expect(run.clock.pending).toBe(0);
  });

  it('no READY=1 for an app that is dead and not yet reaped', async () => {
    const run = start();
    run.news();
    run.app.becomeZombie();
    run.ready();
    await settle();
    expect(run.news()).toEqual([]);
    run.app.die({ code: 1 });
    run.app.finishDraining();
    await run.ended;
    expect(run.news().join()).not.toContain('READY=1');
  });

  it.each([
    ['death first', (run: ReturnType<typeof start>) => [() => run.app.die({ code: 1 }), () => run.ready()]],
    ['readiness first', (run: ReturnType<typeof start>) => [() => run.ready(), () => run.app.die({ code: 1 })]],
  ])('no READY=1 if both are known at the same time, %s', async (_, steps) => {
    const run = start();
    for (const step of steps(run)) step();
    run.app.finishDraining();
    expect(await run.ended).toEqual({ code: 1 });
    expect(run.news().join()).not.toContain('READY=1');
  });

  it('later signals are dropped and not logged', async () => {
    const run = start();
    run.app.die({ code: 0 });
    await settle();
    run.news();
    run.signal('SIGTERM');
    expect(run.news()).toEqual([]);
  });

  it('the end waits for the output; systemd is notified before', async () => {
    const run = start();
    run.app.die({ code: 1 });
    await settle();
    expect(run.trace.at(-1)).toMatch(/^notify STATUS=the app exited with code 1/);
    expect(await isSettled(run.ended)).toBe(false);
    run.app.finishDraining();
    await run.ended;
    expect(run.trace.at(-1)).toBe('close');
  });
});

describe('the start timeout', () => {
  const missed = [
    'kill SIGTERM',
    'kill SIGCONT',
    'notify STATUS=not ready after 30 s: tcp 1: ECONNREFUSED',
    'error not-ready: not ready after 30 s: tcp 1: ECONNREFUSED',
  ];

  function miss() {
    const run = start({ timeout: 30_000, stopTimeout: 5000 });
    run.readiness.text = 'tcp 1: ECONNREFUSED';
    run.clock.advance(29_999);
    run.news();
    run.clock.advance(1);
    return run;
  }

  it('stops the app and ends the wait', () => {
    const run = miss();
    expect(run.news()).toEqual(missed);
    expect(run.stoppedWaiting()).toBe(true);
  });

  it("ends with 124 whatever the app's status, and without SIGKILL if it ends in time", async () => {
    const run = miss();
    run.clock.advance(4999);
    run.news();
    run.app.die({ code: 0 });
    run.app.finishDraining();
    expect(await run.ended).toEqual({ code: 124 });
    expect(run.clock.pending).toBe(0);
    expect(run.news()).toEqual(['error exited: the app exited with code 0', 'close']);
  });

  it('then the stop timeout kills it, once', async () => {
    const run = miss();
    run.news();
    run.clock.advance(5000);
    expect(run.news()).toEqual([
      'kill SIGKILL',
      'warn killed: the app did not end within 5 s of SIGTERM; sent SIGKILL',
    ]);
    run.clock.advance(100_000);
    expect(run.news()).toEqual([]);
    run.app.die({ signal: 'SIGKILL' });
    run.app.finishDraining();
    expect(await run.ended).toEqual({ code: 124 });
  });

  it('later readiness does not count', async () => {
    const run = miss();
    run.news();
    run.ready();
    await settle();
    expect(run.news()).toEqual([]);
  });

  it('without a stop timeout there is no SIGKILL', () => {
    const run = start({ timeout: 1000, stopTimeout: Number.POSITIVE_INFINITY });
    run.clock.advance(1000);
    run.news();
    run.clock.advance(24 * 3600 * 1000);
    expect(run.news()).toEqual([]);
  });

  it('counts from the start of the app, not of the supervision', () => {
    const run = start({ timeout: 30_000, startedAt: 900 });
    run.clock.advance(29_899);
    expect(run.trace.join()).not.toContain('SIGTERM');
    run.clock.advance(1);
    expect(run.trace).toContain('kill SIGTERM');
  });

  it('stops the app by the rewritten SIGTERM', () => {
    const run = start({ timeout: 1000, stopSignal: 'SIGQUIT' });
    run.clock.advance(1000);
    expect(run.trace).toContain('kill SIGQUIT');
    expect(run.trace).not.toContain('kill SIGTERM');
  });

  it('is not the reason if the app had died by then', async () => {
    const run = start({ timeout: 1000 });
    run.news();
    run.app.becomeZombie();
    run.clock.advance(1000);
    expect(run.news()).toEqual([]);
  });

  it('fires at once if it is already over', () => {
    const run = start({ timeout: 50, startedAt: 900 });
    run.clock.advance(0);
    expect(run.trace).toContain('kill SIGTERM');
  });
});

describe('the status while waiting', () => {
  it('follows the reason, at most once a second, and only if it changed', () => {
    const run = start();
    run.news();
    run.clock.advance(1000);
    expect(run.news()).toEqual([]);
    run.readiness.text = 'tcp 1: ECONNREFUSED';
    run.clock.advance(999);
    expect(run.news()).toEqual([]);
    run.clock.advance(1);
    expect(run.news()).toEqual(['notify STATUS=Starting since 10:02:11: waiting for tcp 1: ECONNREFUSED']);
    run.clock.advance(60_000);
    expect(run.news()).toEqual([]);
    expect(run.clock.pending).toBe(1);
  });
});

describe('a bug in a probe', () => {
  it('is logged and stops nothing', async () => {
    const run = start();
    run.news();
    run.fail(new Error('oops'));
    await settle();
    const [line, ...others] = run.news();
    expect(line).toMatch(/^error bug: a readiness probe failed: Error: oops/);
    expect(others).toEqual([]);
    run.app.die({ code: 3 });
    run.app.finishDraining();
    expect(await run.ended).toEqual({ code: 3 });
  });
});

describe('--extend-timeout', () => {
  const asked = 'notify EXTEND_TIMEOUT_USEC=30000000';

  it('sends its first message at once, and one each half of the time', () => {
    const run = start({ extendTimeout: 30_000 });
    expect(run.news()).toEqual([STARTED, 'notify STATUS=Starting since 10:02:11: waiting for tcp 1', asked]);
    run.clock.advance(14_999);
    expect(run.news()).toEqual([]);
    run.clock.advance(1);
    expect(run.news()).toEqual([asked]);
    run.clock.advance(60_000);
    expect(run.news()).toEqual([asked, asked, asked, asked]);
  });

  it.each<[string, (run: ReturnType<typeof start>) => void]>([
    ['the app is ready', (run) => run.ready()],
    ['the app is dead', (run) => run.app.die({ code: 1 })],
    ['the start timeout is reached', (run) => run.clock.advance(40_000)],
  ])('until %s', async (_, end) => {
    const run = start({ extendTimeout: 30_000, timeout: 40_000, stopTimeout: Number.POSITIVE_INFINITY });
    end(run);
    await settle();
    run.news();
    run.clock.advance(3_600_000);
    expect(run.news()).toEqual([]);
    expect(run.clock.pending).toBe(0);
  });
});

describe("the app's own notifications", () => {
  function startTalking() {
    const listeners = new Set<(notice: AppNotice) => void>();
    const notices = {
      onNotice(listener: (notice: AppNotice) => void) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      drained: async () => {},
    };
    let probeHears = () => {};
    const readiness: Readiness = {
      name: 'notify READY=1',
      waitingFor: () => 'notify READY=1: no READY=1 yet',
      wait: () =>
        new Promise((resolve) => {
          probeHears = () => resolve('notify READY=1');
          notices.onNotice(({ ready }) => {
            if (ready) probeHears();
          });
        }),
    };
    const run = start({ notices, readiness });
    run.news();
    return {
      ...run,
      say(given: Partial<AppNotice>) {
        const notice = { ready: false, stopping: false, reloading: undefined, rest: [], dropped: [], ...given };
        for (const listener of listeners) listener(notice);
      },
    };
  }

  it('a status with READY=1 is sent first, and stays', async () => {
    const run = startTalking();
    run.say({ ready: true, rest: ['STATUS=open for business'] });
    await settle();
    expect(run.news()).toEqual([
      'notify STATUS=open for business',
      'notify READY=1',
      'info ready: ready after 0 ms: notify READY=1',
    ]);
  });

  it('are passed on while it lives, and no longer', async () => {
    const run = startTalking();
    run.say({ rest: ['STATUS=loading'] });
    run.clock.advance(60_000);
    expect(run.news()).toEqual(['notify STATUS=loading']);
    run.say({ ready: true });
    await settle();
    run.news();
    run.say({ rest: ['WATCHDOG=1'] });
    run.say({ reloading: ['RELOADING=1'] });
    run.say({ ready: true });
    expect(run.news()).toEqual(['notify WATCHDOG=1', 'notify RELOADING=1', 'notify READY=1']);
    run.app.die({ code: 0 });
    await settle();
    run.news();
    run.say({ ready: true, rest: ['STATUS=from the grave'] });
    expect(run.news()).toEqual([]);
  });
});

describe('advice', () => {
  const ask = (texts: Partial<Record<string, string[]>>) => {
    const asked: string[] = [];
    const diagnose = async (moment: string) => {
      asked.push(moment);
      return texts[moment] ?? [];
    };
    return { asked, diagnose };
  };

  it('is searched every 5 s while the app is pending; the first result is remembered', async () => {
    const texts: Partial<Record<string, string[]>> = { waiting: ['the app listens on 8080'] };
    const { asked, diagnose } = ask(texts);
    const run = start({ diagnose });
    run.news();
    run.clock.advance(999);
    expect(asked).toEqual([]);
    run.clock.advance(1);
    await settle();
    expect(run.news()).toEqual([]);
    run.clock.advance(3999);
    expect(asked).toEqual(['waiting']);
    texts['waiting'] = [];
    run.clock.advance(1);
    await settle();
    expect(run.news()).toEqual([]);
    texts['waiting'] = ['the app listens on 8080'];
    run.clock.advance(5000);
    await settle();
    expect(run.news()).toEqual([
      'warn advice: the app listens on 8080',
      'notify STATUS=Starting since 10:02:11: waiting for tcp 1; the app listens on 8080',
    ]);
    texts['waiting'] = [];
    run.clock.advance(5000);
    await settle();
    expect(run.news()).toEqual(['notify STATUS=Starting since 10:02:11: waiting for tcp 1']);
    run.clock.advance(5000);
    await settle();
    expect(run.news()).toEqual([]);
    expect(asked).toHaveLength(5);
  });

  it('is not searched once the app was asked to stop', async () => {
    const { asked, diagnose } = ask({ waiting: ['the app listens on 8080 so far'] });
    const run = start({ diagnose });
    run.clock.advance(4000);
    run.signal('SIGTERM');
    await settle();
    run.clock.advance(60_000);
    await settle();
    expect(asked).toEqual(['waiting', 'stopped']);
    expect(run.news().join()).not.toContain('so far');
  });

  it('is dropped if it is found too late', async () => {
    let found = (_: string[]) => {};
    const run = start({
      diagnose: (moment) => (moment === 'waiting' ? new Promise((resolve) => (found = resolve)) : Promise.resolve([])),
    });
    run.clock.advance(5000);
    run.signal('SIGTERM');
    await settle();
    run.news();
    found(['the app listens on 8080 so far']);
    await settle();
    expect(run.news()).toEqual([]);
  });

  it('is not searched once the app is ready', async () => {
    const { asked, diagnose } = ask({});
    const run = start({ diagnose });
    run.ready();
    await settle();
    run.clock.advance(60_000);
    run.app.die({ code: 1 });
    await settle();
    expect(asked).toEqual([]);
    expect(run.clock.pending).toBe(0);
  });

  it('is found before the app is stopped at the start timeout, and logged after it', async () => {
    const { diagnose } = ask({ timeout: ['do this'] });
    const run = start({ diagnose, timeout: 1000 });
    run.news();
    run.clock.advance(1000);
    expect(run.news()).toEqual([]);
    await settle();
    const news = run.news();
    expect(news[0]).toBe('kill SIGTERM');
    expect(news.slice(-3)).toEqual([
      'error not-ready: not ready after 1 s: tcp 1',
      'notify STATUS=not ready after 1 s: tcp 1; do this',
      'warn advice: do this',
    ]);
  });

  it('is not waited for if the app becomes ready meanwhile', async () => {
    const { diagnose } = ask({ timeout: ['do this'] });
    const run = start({ diagnose, timeout: 1000 });
    run.ready();
    run.clock.advance(1000);
    await settle();
    expect(run.news().join()).not.toContain('do this');
  });

  it('a stop signal is forwarded at once, and the pending reason is logged once', async () => {
    const { diagnose } = ask({ stopped: ['do this'] });
    const run = start({ diagnose });
    run.news();
    run.clock.advance(500);
    run.signal('SIGTERM');
    expect(run.news()).toEqual([
      'kill SIGTERM',
      'info signal: forwarded SIGTERM to the app',
      'warn stop-requested: stopped by SIGTERM after 500 ms, before the app was ready: tcp 1',
    ]);
    await settle();
    expect(run.news()).toEqual(['warn advice: do this']);
    run.signal('SIGTERM');
    run.signal('SIGHUP');
    await settle();
    expect(run.news().join()).not.toMatch(/stop-requested|advice/);
  });

  it('is logged before the death that it explains', async () => {
    const { diagnose } = ask({ died: ['port 1 is held by x'] });
    const run = start({ diagnose });
    run.news();
    run.app.die({ code: 1 });
    run.app.finishDraining();
    await run.ended;
    expect(run.news()).toEqual([
      'warn advice: port 1 is held by x',
      'notify STATUS=the app exited with code 1 after 0 ms, before it was ready: tcp 1; port 1 is held by x',
      'error exited: the app exited with code 1 after 0 ms, before it was ready: tcp 1',
      'close',
    ]);
  });
});

describe('a handoff', () => {
  const READY = 'notify MAINPID=42 | READY=1 | STATUS=App ready after 250 ms: tcp 1';

  function handsOver(given: Given = {}) {
    let processed = () => {};
    const awaitProcessed = () =>
      new Promise<void>((resolve) => {
        processed = resolve;
      });
    const run = start({ handoff: true, processed: awaitProcessed, ...given });
    run.news();
    run.clock.advance(250);
    return { ...run, processed: () => processed() };
  }

  it('leaves the app running when systemd has received it', async () => {
    const run = handsOver();
    run.ready();
    await settle();
    expect(run.news()).toEqual(['orphan', READY, 'info ready: ready after 250 ms: tcp 1']);
    expect(run.clock.pending).toBe(0);
    expect(await isSettled(run.ended)).toBe(false);
    run.processed();
    run.app.finishDraining();
    // a failure, in case it died before it became the main process
    expect(await run.ended).toEqual({ code: 1 });
    expect(run.news()).toEqual([
      'info handed-over: handoff done: the app (pid 42) is the main process; the wrapper exits',
      'close',
    ]);
  });

  it('sends nothing about an app that died while it was orphaned', async () => {
    const run = handsOver();
    run.ready();
    run.app.becomeZombie();
    await settle();
    expect(run.news()).toEqual([]);
    run.app.die({ signal: 'SIGSEGV' });
    run.app.finishDraining();
    expect(await run.ended).toEqual({ signal: 'SIGSEGV' });
  });

  it('ends as a failure if the app died before systemd has surely received it', async () => {
    const run = handsOver();
    run.ready();
    await settle();
    run.app.becomeZombie();
    run.processed();
    await settle();
    expect(await isSettled(run.ended)).toBe(false);
    run.app.die({ code: 1, guessed: true });
    run.app.finishDraining();
    expect(await run.ended).toEqual({ code: 1, guessed: true });
  });
});

describe('a reload', () => {
  const RELOADING = 'notify RELOADING=1 | MONOTONIC_USEC=7';
  const WAITING = 'notify STATUS=Reloading since 10:05:00: waiting for tcp 1';

  async function startReady(given: Parameters<typeof start>[0] = {}) {
    const run = start(given);
    run.ready();
    await settle();
    run.news();
    return run;
  }

  it('is sent to systemd at once, then to the app, which is polled after a moment', async () => {
    const run = await startReady();
    run.announce('SIGHUP');
    expect(run.news()).toEqual([RELOADING, WAITING, 'info reloading: SIGHUP: the app reloads (sent RELOADING=1)']);
    expect(run.again).toEqual({ told: false, waits: 1, aborted: 0 });
    run.clock.advance(5000);
    await settle();
    expect(run.again.told).toBe(false);
    run.news();
    run.signal('SIGHUP');
    run.clock.advance(100);
    await settle();
    expect(run.again.told).toBe(true);
    expect(run.news()).toContain('kill SIGHUP');
    run.readyAgain();
    await settle();
    expect(run.news()[0]).toBe('notify READY=1 | STATUS=App (pid 42) ready again after 100 ms: tcp 1');
    expect(run.clock.pending).toBe(0);
  });

  it('no other signal counts as one, nor does any before READY=1', async () => {
    const early = start();
    early.news();
    early.signal('SIGHUP');
    expect(early.news()).toEqual(['kill SIGHUP', 'info signal: forwarded SIGHUP to the app']);
    const run = await startReady();
    run.signal('SIGUSR1');
    expect(run.news()).toEqual(['kill SIGUSR1', 'info signal: forwarded SIGUSR1 to the app']);
  });

  it('ends if the signal does not reach the app', async () => {
    const run = await startReady();
    run.signal('SIGHUP', { fate: 'withheld' });
    expect(run.news()).toContain(
      'notify READY=1 | STATUS=App (pid 42) ready again after 0 ms: the reload signal was not forwarded',
    );
    expect(run.again.aborted).toBe(1);
    expect(run.clock.pending).toBe(0);
  });

  it('is replaced by a second one', async () => {
    const run = await startReady({ reloadTimeout: 1000 });
    run.signal('SIGHUP');
    run.clock.advance(900);
    run.signal('SIGHUP');
    expect(run.again).toMatchObject({ waits: 2, aborted: 1 });
    expect(run.news().filter((line) => line === RELOADING)).toHaveLength(2);
    run.clock.advance(900);
    run.readyAgain();
    await settle();
    expect(run.news().join('\n')).not.toContain('not ready again');
  });

  it('that takes too long: no READY=1 until the readiness signal comes', async () => {
    const run = await startReady({ reloadTimeout: 1000 });
    run.signal('SIGHUP');
    run.news();
    run.clock.advance(60_000);
    const why = 'not ready again 1 s after SIGHUP: tcp 1: ECONNREFUSED; the app runs on';
    const news = run.news();
    expect(news).toContain(`error not-ready-again: ${why}`);
    expect(news.filter((line) => line.startsWith('notify')).at(-1)).toBe(`notify STATUS=${why}`);
    run.readyAgain();
    await settle();
    expect(run.news()[0]).toMatch(/^notify READY=1 /);
  });

  it.each([
    ['the app dies', (run: ReturnType<typeof start>) => run.app.die({ code: 0 })],
    ['only the kernel knows of its death', (run: ReturnType<typeof start>) => run.app.becomeZombie()],
  ])('%s: no READY=1', async (_, end) => {
    const run = await startReady({ reloadTimeout: 1000 });
    run.signal('SIGHUP');
    run.news();
    end(run);
    run.readyAgain();
    await settle();
    expect(run.news().join('\n')).not.toContain('READY=1');
  });
});

describe('the watchdog', () => {
  function watched(given: Given = {}) {
    const says = { why: undefined as string | undefined };
    const vitals = { check: () => says.why, end() {} };
    const run = start({ watchdog: { mode: 'probe', intervalMs: 1000, vitals }, ...given });
    run.news();
    return { ...run, says };
  }
  const pings = (news: readonly string[]) =>
    news.filter((line) => line.startsWith('notify') && line.includes('WATCHDOG='));

  it('no ping before READY=1, one with it, one each half interval, none after its death', async () => {
    const run = watched();
    run.clock.advance(5000);
    expect(pings(run.news())).toEqual([]);
    run.ready();
    await settle();
    expect(pings(run.news())).toEqual(['notify READY=1 | STATUS=App (pid 42) ready after 5 s: tcp 1 | WATCHDOG=1']);
    run.clock.advance(2000);
    expect(run.news()).toEqual(Array(4).fill('notify WATCHDOG=1'));
    run.app.becomeZombie();
    run.clock.advance(2000);
    expect(pings(run.news())).toEqual([]);
    run.app.die({ code: 0 });
    await settle();
    expect(run.clock.pending).toBe(0);
  });

  it('continues during a reload', async () => {
    const run = watched();
    run.ready();
    await settle();
    run.signal('SIGHUP');
    run.news();
    run.clock.advance(1000);
    expect(pings(run.news())).toHaveLength(2);
  });

  it('an unhealthy app gets no ping, and a line in the log; so does its recovery', async () => {
    const run = watched();
    run.ready();
    await settle();
    run.news();
    run.says.why = 'tcp 1: ECONNREFUSED';
    run.clock.advance(1400);
    expect(run.news()).toEqual([
      'notify WATCHDOG=1',
      'notify STATUS=App (pid 42) unhealthy for 1 s: tcp 1: ECONNREFUSED',
      'error unhealthy: the app has been unhealthy for 1 s: tcp 1: ECONNREFUSED; WATCHDOG=1 is not sent; ' +
        'systemd stops it after WatchdogSec= unless it recovers',
    ]);
    run.says.why = undefined;
    run.clock.advance(100);
    expect(run.news()).toEqual([
      'notify STATUS=App (pid 42) ready after 0 ms: tcp 1',
      'info recovered: the app is healthy again',
      'notify WATCHDOG=1',
    ]);
  });
});
