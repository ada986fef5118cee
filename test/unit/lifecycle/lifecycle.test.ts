import { describe, expect, it } from 'vitest';
import type { ExitStatus } from '../../../src/base/exit-status.ts';
import { next } from '../../../src/lifecycle/lifecycle.ts';
import type { Effect, LifeEvent, State, Stop } from '../../../src/lifecycle/words.ts';
import type { AppNotice } from '../../../src/notify/parse.ts';
import { FORWARDED_SIGNALS, type ForwardedSignal, type SignalFate } from '../../../src/signals/signals.ts';

const pid = 42;

const NOT_READY = 'not ready after 30 s: tcp 1: ECONNREFUSED';
const STOPPED = 'stopped by SIGTERM after 1 min 30 s, before the app was ready: tcp 1: ECONNREFUSED';

const living = { pid, name: 'the app', since: '10:02:11', stopSignal: 'SIGTERM' } as const;

const states = {
  starting: { phase: 'starting', ...living },
  ready: { phase: 'ready', ...living },
  reloading: { phase: 'reloading', ...living, signal: 'SIGHUP', reloadSince: '10:05:00' },
  'timed-out': {
    phase: 'timed-out',
    ...living,
    stop: { by: 'wrapper', known: true, sent: true, failure: NOT_READY },
  },
  dismissed: { phase: 'dismissed', ...living, stop: { by: 'wrapper', known: true, sent: true } },
  ended: { phase: 'ended' },
} as const satisfies Partial<Record<State['phase'], State>>;

/** The events of a handoff have a table of their own. */
type Phase = keyof typeof states;

const notice = (given: Partial<AppNotice>): LifeEvent => ({
  type: 'app-notice',
  notice: { ready: false, stopping: false, reloading: undefined, rest: [], dropped: [], ...given },
});

const exit = (status: ExitStatus): LifeEvent => ({
  type: 'exited',
  status,
  afterMs: 1250,
  waitingFor: 'tcp 1: ECONNREFUSED',
});

const signalled = (signal: ForwardedSignal, fate: SignalFate) =>
  ({ type: 'signal', signal, fate, afterMs: 90_000, waitingFor: 'tcp 1: ECONNREFUSED' }) as const;

const events = {
  started: { type: 'started', awaited: 'tcp 1' },
  'still-waiting': { type: 'still-waiting', waitingFor: 'tcp 1: ECONNREFUSED' },
  ready: { type: 'ready', by: 'tcp 1', afterMs: 1250.4 },
  'start-timeout': { type: 'start-timeout', afterMs: 30_000, waitingFor: 'tcp 1: ECONNREFUSED' },
  'stop-requested': { type: 'stop-requested', signal: 'SIGTERM' },
  advice: { type: 'advice', texts: ['do this', 'and that'] },
  dismissed: { type: 'dismissed' },
  'stop-timeout': { type: 'stop-timeout', afterMs: 10_000 },
  signal: signalled('SIGTERM', { fate: 'forwarded', as: 'SIGTERM' }),
  reload: { type: 'reload', signal: 'SIGHUP', monotonicUsec: 7n, at: '10:05:00' },
  'ready-again': { type: 'ready-again', by: 'tcp 1', afterMs: 520 },
  'reload-timeout': { type: 'reload-timeout', afterMs: 30_000, waitingFor: 'tcp 1: ECONNREFUSED' },
  healthy: { type: 'healthy' },
  unhealthy: { type: 'unhealthy', why: 'tcp 1: ECONNREFUSED', forMs: 1000 },
  recovered: { type: 'recovered' },
  'extension-due': { type: 'extension-due', byMs: 1500.5 },
  'app-notice': notice({ ready: true, rest: ['WATCHDOG=1'] }),
  'exit 0': exit({ code: 0 }),
  'exit 3': exit({ code: 3 }),
  'exit by SIGTERM': exit({ signal: 'SIGTERM' }),
  'exit by SIGSEGV': exit({ signal: 'SIGSEGV' }),
} as const satisfies Record<string, LifeEvent>;

/** Effects in short notation, for the tables below. The line about the end comes right before the end. */
function short(effect: Effect): string | string[] {
  switch (effect.type) {
    case 'notify':
      return `notify ${effect.state.join(' | ')}`;
    case 'kill':
      return `kill ${effect.signal}`;
    case 'log':
      return `${effect.level} ${effect.event}: ${effect.message}`;
    case 'end':
      return [short(effect.log), `end ${JSON.stringify(effect.status)}`].flat();
    default:
      return effect.type;
  }
}

const advised = ['warn advice: do this', 'warn advice: and that'];
const forward = ['kill SIGTERM', 'info signal: forwarded SIGTERM to the app'];
const early = (how: string, end: string, advice = 'its own output may say why') => [
  'stop-waiting',
  `notify STATUS=the app ${how} after 1.25 s, before it listened (tcp 1); ${advice}`,
  `error exited: the app ${how} after 1.25 s, before it listened (tcp 1)`,
  `end ${end}`,
];
const FOREGROUND = 'if the app daemonizes, turn that off: under systemd it must stay in the foreground';
const early0 = early('exited with code 0', '{"code":0}', FOREGROUND).flatMap((line) =>
  line.startsWith('notify') ? [line, `warn advice: ${FOREGROUND}`] : [line],
);
const afterReady = (how: string, end: string) => ['stop-waiting', `info exited: the app ${how}`, `end ${end}`];
const failedAfterReady = (how: string, end: string) => [
  'stop-waiting',
  `notify STATUS=the app ${how}`,
  `error exited: the app ${how}`,
  `end ${end}`,
];
const afterTimeout = (how: string) => ['stop-waiting', `error exited: the app ${how}`, 'end {"code":124}'];
const started = [
  'info started: started the app, pid 42; waiting for tcp 1',
  'notify STATUS=Starting since 10:02:11: waiting for tcp 1',
];

const unhealthy = [
  'notify STATUS=App (pid 42) unhealthy for 1 s: tcp 1: ECONNREFUSED',
  'error unhealthy: the app has been unhealthy for 1 s: tcp 1: ECONNREFUSED; WATCHDOG=1 is not sent; ' +
    'systemd stops it after WatchdogSec= unless it recovers',
];
const recovered = ['notify STATUS=App (pid 42) is ready', 'info recovered: the app is healthy again'];
const reload = [
  'notify RELOADING=1 | MONOTONIC_USEC=7',
  'await-again',
  'info reloading: SIGHUP: the app reloads (sent RELOADING=1)',
];
const nothing = (phase: Phase): Row[] =>
  (['reload', 'ready-again', 'reload-timeout', 'healthy', 'unhealthy', 'recovered'] as const).map((event) => [
    phase,
    event,
    phase,
    [],
  ]);

type Row = [Phase, keyof typeof events, Phase, string[]];

const table: Row[] = [
  ['starting', 'started', 'starting', started],
  ['starting', 'still-waiting', 'starting', ['notify STATUS=Starting since 10:02:11: waiting for tcp 1: ECONNREFUSED']],
  [
    'starting',
    'ready',
    'ready',
    [
      'notify READY=1 | STATUS=App (pid 42) ready after 1.25 s: tcp 1',
      'stop-waiting',
      'info ready: ready after 1.25 s: tcp 1',
    ],
  ],
  [
    'starting',
    'start-timeout',
    'timed-out',
    [
      'kill SIGTERM',
      'stop-waiting',
      'start-stop-timer',
      'kill SIGCONT',
      'notify STATUS=not ready after 30 s: tcp 1: ECONNREFUSED',
      'error not-ready: not ready after 30 s: tcp 1: ECONNREFUSED',
    ],
  ],
  ['starting', 'stop-requested', 'starting', []],
  ['starting', 'advice', 'starting', advised],
  ['starting', 'dismissed', 'starting', []],
  ['starting', 'stop-timeout', 'starting', []],
  ...nothing('starting'),
  ['starting', 'signal', 'starting', [...forward, `warn stop-requested: ${STOPPED}`, 'diagnose']],
  ['starting', 'extension-due', 'starting', ['notify EXTEND_TIMEOUT_USEC=1500500']],
  ['starting', 'app-notice', 'starting', ['notify WATCHDOG=1']],
  ['starting', 'exit 0', 'ended', early0],
  ['starting', 'exit 3', 'ended', early('exited with code 3', '{"code":3}')],
  ['starting', 'exit by SIGTERM', 'ended', early('was killed by SIGTERM', '{"signal":"SIGTERM"}')],
  ['starting', 'exit by SIGSEGV', 'ended', early('was killed by SIGSEGV', '{"signal":"SIGSEGV"}')],

  ['ready', 'started', 'ready', started],
  ['ready', 'still-waiting', 'ready', []],
  ['ready', 'ready', 'ready', []],
  ['ready', 'start-timeout', 'ready', []],
  ['ready', 'stop-requested', 'ready', []],
  ['ready', 'advice', 'ready', advised],
  [
    'ready',
    'dismissed',
    'dismissed',
    ['kill SIGTERM', 'start-stop-timer', 'kill SIGCONT', 'info dismissed: ready, stopping the app (--exit-when-ready)'],
  ],
  ['ready', 'stop-timeout', 'ready', []],
  ['ready', 'reload', 'reloading', reload],
  ['ready', 'ready-again', 'ready', []],
  ['ready', 'reload-timeout', 'ready', []],
  ['ready', 'healthy', 'ready', ['notify WATCHDOG=1']],
  ['ready', 'unhealthy', 'ready', unhealthy],
  ['ready', 'recovered', 'ready', recovered],
  ['ready', 'signal', 'ready', forward],
  ['ready', 'extension-due', 'ready', []],
  ['ready', 'app-notice', 'ready', ['notify WATCHDOG=1', 'notify READY=1']],
  ['ready', 'exit 0', 'ended', afterReady('exited with code 0', '{"code":0}')],
  ['ready', 'exit 3', 'ended', failedAfterReady('exited with code 3', '{"code":3}')],
  ['ready', 'exit by SIGTERM', 'ended', afterReady('was killed by SIGTERM', '{"signal":"SIGTERM"}')],
  ['ready', 'exit by SIGSEGV', 'ended', failedAfterReady('was killed by SIGSEGV', '{"signal":"SIGSEGV"}')],

  ['reloading', 'stop-requested', 'reloading', []],
  ['reloading', 'advice', 'reloading', advised],
  ['reloading', 'dismissed', 'reloading', []],
  ['reloading', 'started', 'reloading', started],
  [
    'reloading',
    'still-waiting',
    'reloading',
    ['notify STATUS=Reloading since 10:05:00: waiting for tcp 1: ECONNREFUSED'],
  ],
  ['reloading', 'ready', 'reloading', []],
  ['reloading', 'start-timeout', 'reloading', []],
  ['reloading', 'stop-timeout', 'reloading', []],
  ['reloading', 'reload', 'reloading', reload],
  [
    'reloading',
    'ready-again',
    'ready',
    [
      'notify READY=1 | STATUS=App (pid 42) ready again after 520 ms: tcp 1',
      'stop-awaiting-again',
      'info ready-again: ready again after 520 ms: tcp 1',
    ],
  ],
  [
    'reloading',
    'reload-timeout',
    'reloading',
    [
      'notify STATUS=not ready again 30 s after SIGHUP: tcp 1: ECONNREFUSED; the app runs on',
      'error not-ready-again: not ready again 30 s after SIGHUP: tcp 1: ECONNREFUSED; the app runs on',
    ],
  ],
  ['reloading', 'healthy', 'reloading', ['notify WATCHDOG=1']],
  ['reloading', 'unhealthy', 'reloading', unhealthy],
  ['reloading', 'recovered', 'reloading', recovered],
  ['reloading', 'signal', 'reloading', forward],
  ['reloading', 'extension-due', 'reloading', []],
  [
    'reloading',
    'app-notice',
    'ready',
    [
      'notify WATCHDOG=1',
      'notify READY=1 | STATUS=App (pid 42) ready again: the app sent READY=1',
      'stop-awaiting-again',
      'info ready-again: ready again: the app sent READY=1',
    ],
  ],
  ['reloading', 'exit 0', 'ended', afterReady('exited with code 0', '{"code":0}')],
  ['reloading', 'exit 3', 'ended', failedAfterReady('exited with code 3', '{"code":3}')],
  ['reloading', 'exit by SIGTERM', 'ended', afterReady('was killed by SIGTERM', '{"signal":"SIGTERM"}')],
  ['reloading', 'exit by SIGSEGV', 'ended', failedAfterReady('was killed by SIGSEGV', '{"signal":"SIGSEGV"}')],

  ['timed-out', 'started', 'timed-out', started],
  ...nothing('timed-out'),
  ['timed-out', 'still-waiting', 'timed-out', []],
  ['timed-out', 'ready', 'timed-out', []],
  ['timed-out', 'start-timeout', 'timed-out', []],
  ['timed-out', 'stop-requested', 'timed-out', []],
  ['timed-out', 'advice', 'timed-out', [`notify STATUS=${NOT_READY}; do this; and that`, ...advised]],
  ['timed-out', 'dismissed', 'timed-out', []],
  [
    'timed-out',
    'stop-timeout',
    'timed-out',
    ['kill SIGKILL', 'warn killed: the app did not end within 10 s of SIGTERM; sent SIGKILL'],
  ],
  ['timed-out', 'signal', 'timed-out', forward],
  ['timed-out', 'extension-due', 'timed-out', []],
  ['timed-out', 'app-notice', 'timed-out', ['notify WATCHDOG=1']],
  ['timed-out', 'exit 0', 'ended', afterTimeout('exited with code 0')],
  ['timed-out', 'exit 3', 'ended', afterTimeout('exited with code 3')],
  ['timed-out', 'exit by SIGTERM', 'ended', afterTimeout('was killed by SIGTERM')],
  ['timed-out', 'exit by SIGSEGV', 'ended', afterTimeout('was killed by SIGSEGV')],

  ...nothing('dismissed'),
  ['dismissed', 'started', 'dismissed', started],
  ['dismissed', 'still-waiting', 'dismissed', []],
  ['dismissed', 'ready', 'dismissed', []],
  ['dismissed', 'start-timeout', 'dismissed', []],
  ['dismissed', 'stop-requested', 'dismissed', []],
  ['dismissed', 'advice', 'dismissed', advised],
  ['dismissed', 'dismissed', 'dismissed', []],
  [
    'dismissed',
    'stop-timeout',
    'dismissed',
    ['kill SIGKILL', 'warn killed: the app did not end within 10 s of SIGTERM; sent SIGKILL'],
  ],
  ['dismissed', 'signal', 'dismissed', forward],
  ['dismissed', 'extension-due', 'dismissed', []],
  ['dismissed', 'app-notice', 'dismissed', ['notify WATCHDOG=1']],
  ['dismissed', 'exit 0', 'ended', afterReady('exited with code 0', '{"code":0}')],
  ['dismissed', 'exit 3', 'ended', afterReady('exited with code 3', '{"code":0}')],
  ['dismissed', 'exit by SIGTERM', 'ended', afterReady('was killed by SIGTERM', '{"code":0}')],
  ['dismissed', 'exit by SIGSEGV', 'ended', afterReady('was killed by SIGSEGV', '{"code":0}')],

  ...Object.keys(events).map((event): Row => ['ended', event as keyof typeof events, 'ended', []]),
];

describe('every state and every event', () => {
  it.each(table)('%s, %s -> %s', (phase, event, then, effects) => {
    const transition = next(states[phase], events[event]);
    // state that is kept for later texts has tests of its own
    const later = ['readyText', 'late', 'stop', 'advice', 'unhealthy'];
    const lasting = (state: State) =>
      Object.fromEntries(Object.entries(state).filter(([name]) => !later.includes(name)));
    expect(lasting(transition.state)).toEqual(lasting(states[then]));
    expect(transition.effects.flatMap(short)).toEqual(effects);
  });

  it('are in the table', () => {
    expect(table).toHaveLength(Object.keys(states).length * Object.keys(events).length);
    expect(new Set(table.map(([phase, event]) => `${phase} ${event}`)).size).toBe(table.length);
  });
});

describe('an exit with 128+n', () => {
  const sent = (signal: ForwardedSignal) => signalled(signal, { fate: 'forwarded', as: signal });
  const { starting, ready, reloading } = states;
  const end = (state: State, ...happened: LifeEvent[]) => {
    let effects: readonly Effect[] = [];
    for (const event of happened) ({ state, effects } = next(state, event));
    return effects.flatMap(short);
  };

  it.each([
    ['SIGTERM', 143, ready],
    ['SIGINT', 130, ready],
    ['SIGQUIT', 131, ready],
    ['SIGTERM', 143, reloading],
  ] as const)('after %s: a warning, with advice', (signal, code, state) => {
    const text = `the app exited with code ${code}; if this is its normal end, add SuccessExitStatus=${code}`;
    expect(end(state, sent(signal), exit({ code }))).toEqual([
      'stop-waiting',
      `notify STATUS=${text}`,
      `warn exited: ${text}`,
      `end {"code":${code}}`,
    ]);
  });

  it('that SuccessExitStatus= lists is a clean end', () => {
    const listed = { ...exit({ code: 143 }), isSuccess: true } as LifeEvent;
    expect(end(ready, sent('SIGTERM'), listed)).toEqual(afterReady('exited with code 143', '{"code":143}'));
  });

  it.each<[string, LifeEvent[], number]>([
    ['without a stop', [], 143],
    ['after another signal', [sent('SIGINT')], 143],
    ['after a stop by the app itself', [notice({ stopping: true })], 143],
    ["after systemd's watchdog", [sent('SIGABRT')], 134],
    ['with another code', [sent('SIGTERM')], 15],
  ])('%s: a failure, without advice', (_, happened, code) => {
    const effects = end(ready, ...happened, exit({ code }));
    expect(effects).toEqual(failedAfterReady(`exited with code ${code}`, `{"code":${code}}`));
  });

  it('before READY=1: a failed start', () => {
    const log = end(starting, sent('SIGTERM'), exit({ code: 143 })).find((line) => line.includes('exited: '));
    expect(log).toBe('error exited: the app exited with code 143 after 1.25 s, before it was ready');
  });
});

describe('STATUS= of a failed start', () => {
  /** The last STATUS= after these events. */
  const last = (state: State, ...happened: LifeEvent[]) => {
    const told: string[] = [];
    for (const event of happened) {
      const transition = next(state, event);
      state = transition.state;
      told.push(...transition.effects.flatMap((effect) => (effect.type === 'notify' ? effect.state : [])));
    }
    return told.findLast((assignment) => assignment.startsWith('STATUS='))?.slice('STATUS='.length);
  };
  const { starting } = states;
  const { advice } = events;
  const remedy = '; do this; and that';

  it.each<[string, LifeEvent[], string]>([
    ['too late', [events['start-timeout'], advice, events['exit 0']], NOT_READY + remedy],
    ['asked to stop', [events.signal, advice, events['exit 0']], `${STOPPED}; the app exited with code 0${remedy}`],
    ['asked to stop, without advice', [events.signal, events['exit 3']], `${STOPPED}; the app exited with code 3`],
    [
      'ends before the fate of the signal is known',
      [events['stop-requested'], events['exit 0']],
      'the app exited with code 0 after 1.25 s, before it listened (tcp 1)',
    ],
    ['advised while it waited', [advice, events['start-timeout'], { type: 'advice', texts: [] }], NOT_READY],
    [
      'died',
      [advice, events['exit 3']],
      `the app exited with code 3 after 1.25 s, before it listened (tcp 1)${remedy}`,
    ],
    [
      'asked to stop, and still running',
      [events.signal, events['still-waiting']],
      'Starting since 10:02:11: waiting for tcp 1: ECONNREFUSED',
    ],
    ["the app's status while it ends", [events.signal, notice({ rest: ['STATUS=ends'] })], 'ends'],
    ['the app has its own', [notice({ rest: ['STATUS=loads'] }), events.signal, events.ready], 'loads'],
    [
      'outdated advice',
      [advice, { type: 'advice', texts: [] }, events['still-waiting']],
      'Starting since 10:02:11: waiting for tcp 1: ECONNREFUSED',
    ],
    [
      'keeps waiting',
      [advice, events['still-waiting']],
      `Starting since 10:02:11: waiting for tcp 1: ECONNREFUSED${remedy}`,
    ],
    ['ready after all', [events.signal, advice, events.ready], 'App (pid 42) ready after 1.25 s: tcp 1'],
  ])('%s', (_, happened, status) => {
    expect(last(starting, ...happened)).toBe(status);
  });
});

it('advice is logged if it is new, and only once', () => {
  const texts = (...all: string[]): LifeEvent => ({ type: 'advice', texts: all });
  const logged: string[] = [];
  let state: State = states.starting;
  for (const event of [texts('one'), texts('one'), texts('one', 'two'), texts(), texts('one')]) {
    const transition = next(state, event);
    state = transition.state;
    logged.push(transition.effects.flatMap(short).join());
  }
  expect(logged).toEqual(['warn advice: one', '', 'warn advice: two', '', 'warn advice: one']);
});

it.each<[string, State, ExitStatus, ExitStatus]>([
  ['0 before it was ready counts as a failure', { ...states.starting, onlyReady: true }, { code: 0 }, { code: 124 }],
  ['another code is kept', { ...states.starting, onlyReady: true }, { code: 3 }, { code: 3 }],
  ['a signal is kept', { ...states.starting, onlyReady: true }, { signal: 'SIGINT' }, { signal: 'SIGINT' }],
  ['0 is kept if more than readiness is requested', states.starting, { code: 0 }, { code: 0 }],
])('with --exit-when-ready, success means that the app was ready: %s', (_, state, status, ended) => {
  const { effects } = next(state, exit(status));
  expect(effects.find(({ type }) => type === 'end')).toMatchObject({ status: ended });
});

/** One event of the watchdog is enough here: none changes the phase. */
const NAMES = (Object.keys(events) as (keyof typeof events)[]).filter(
  (name) => name !== 'unhealthy' && name !== 'recovered',
);

interface History {
  readonly path: readonly string[];
  readonly effects: readonly Effect[];
  readonly said: readonly string[];
}

/** Every sequence of events, up to `length` of them, with all of its effects. */
function* histories(length: number): Generator<History> {
  function* walk(state: State, { path, effects, said }: History): Generator<History> {
    yield { path, effects, said };
    if (path.length === length) return;
    for (const name of NAMES) {
      const transition = next(state, events[name]);
      yield* walk(transition.state, {
        path: [...path, name],
        effects: [...effects, ...transition.effects],
        said: [...said, ...transition.effects.flatMap(short)],
      });
    }
  }
  yield* walk(states.starting, { path: [], effects: [], said: [] });
}

describe('any events in any order', () => {
  it('at most one own READY=1 per start, none after the death or the start timeout; one end', () => {
    let count = 0;
    for (const { path, said } of histories(4)) {
      count += 1;
      // without a text it is the app's own, passed on
      const all = said.flatMap((text, index) => (text.startsWith('notify READY=1') ? [index] : []));
      const readies = all.filter((index) => / ready after /.test(said[index] as string));
      const ends = said.filter((text) => text.startsWith('end '));
      const where = { toString: () => path.join(', ') };
      if (readies.length > 1 || ends.length > 1) expect.fail(`twice: ${where}`);
      const died = said.findIndex((text) => text.includes(' exited: '));
      const late = said.findIndex((text) => text.includes(' not-ready: '));
      if (all[0] !== readies[0]) expect.fail(`the app's READY=1 before ours: ${where}`);
      for (const index of all) {
        if (died !== -1 && index > died) expect.fail(`READY=1 after the death: ${where}`);
        if (late !== -1) expect.fail(`READY=1 and a start timeout: ${where}`);
      }
      const exited = path.some((name) => name.startsWith('exit'));
      if (exited !== (ends.length === 1)) expect.fail(`the end does not follow the death: ${where}`);
      if (ends.length === 1 && !said.at(-1)?.startsWith('end ')) expect.fail(`something after the end: ${where}`);
    }
    const n = NAMES.length;
    expect(count).toBe(1 + n + n ** 2 + n ** 3 + n ** 4);
  });

  it('a datagram has at most one state word, and we never send STOPPING=1 ourselves', () => {
    for (const { effects } of histories(3)) {
      for (const effect of effects) {
        if (effect.type !== 'notify') continue;
        const words = effect.state.map((assignment) => assignment.split('=')[0] as string);
        if (words.filter((word) => ['READY', 'RELOADING', 'STOPPING', 'WATCHDOG'].includes(word)).length > 1) {
          expect.fail(effect.state.join(' | '));
        }
        if (words.includes('STOPPING')) expect.fail(effect.state.join(' | '));
        if (new Set(words).size !== words.length) expect.fail(effect.state.join(' | '));
      }
    }
  });

  it('the only SIGKILL comes from the stop timeout after we stopped the app', () => {
    for (const { path, effects } of histories(3)) {
      if (!effects.some((effect) => effect.type === 'kill' && effect.signal === 'SIGKILL')) continue;
      const dismissed = path.indexOf('ready') < path.lastIndexOf('dismissed') && path.includes('ready');
      const stopped = dismissed ? path.lastIndexOf('dismissed') : path.indexOf('start-timeout');
      expect(stopped).toBeGreaterThanOrEqual(0);
      expect(path.lastIndexOf('stop-timeout')).toBeGreaterThan(stopped);
      if (dismissed) continue;
      expect(path).not.toContain(path.indexOf('ready') < path.indexOf('start-timeout') ? 'ready' : 'nothing');
    }
  });
});

describe('signals', () => {
  it.each(FORWARDED_SIGNALS)('%s is forwarded once, as itself', (signal) => {
    const { effects } = next(states.ready, signalled(signal, { fate: 'forwarded', as: signal }));
    expect(effects.filter((effect) => effect.type === 'kill')).toEqual([{ type: 'kill', signal }]);
    expect(effects.map((effect) => effect.type === 'log' && effect.level)).toContain(
      signal === 'SIGCONT' ? 'debug' : 'info',
    );
  });

  it('a second SIGTERM is forwarded too', () => {
    const first = next(states.ready, events.signal);
    expect(next(first.state, events.signal).effects[0]).toEqual({ type: 'kill', signal: 'SIGTERM' });
  });
});

describe('a stop of the app', () => {
  const forwarded = (signal: ForwardedSignal, as: string = signal) => signalled(signal, { fate: 'forwarded', as });
  const reached = signalled('SIGTERM', { fate: 'reached' });
  const withheld = signalled('SIGTERM', { fate: 'withheld' });
  const says = notice({ stopping: true });

  it.each<[string, State, LifeEvent[], Stop | undefined]>([
    ['no signal asks for it', states.ready, [forwarded('SIGHUP')], undefined],
    ['it just arrived', states.ready, [events['stop-requested']], { by: 'SIGTERM', known: false, sent: false }],
    [
      'the app got it too',
      states.ready,
      [events['stop-requested'], reached],
      { by: 'SIGTERM', known: true, sent: false },
    ],
    [
      'it was forwarded',
      states.ready,
      [events['stop-requested'], events.signal],
      { by: 'SIGTERM', known: true, sent: true },
    ],
    ['a stop by SIGINT', states.ready, [forwarded('SIGINT')], { by: 'SIGINT', known: true, sent: false }],
    [
      'by the signal that replaces SIGTERM',
      states.ready,
      [forwarded('SIGHUP', 'SIGTERM')],
      { by: 'SIGHUP', known: true, sent: true },
    ],
    ['it was not forwarded', states.ready, [withheld], { by: 'SIGTERM', known: false, sent: false }],
    ['the app announces it', states.ready, [says], { by: 'app', known: true, sent: false }],
    ['a signal after the announcement', states.ready, [says, withheld], { by: 'SIGTERM', known: true, sent: false }],
    [
      'the app announces it after the signal',
      states.ready,
      [events.signal, says],
      { by: 'SIGTERM', known: true, sent: true },
    ],
    ['sent once, and once not', states.ready, [events.signal, withheld], { by: 'SIGTERM', known: true, sent: true }],
    [
      'before it was ready',
      states.starting,
      [events.signal],
      { by: 'SIGTERM', known: true, sent: true, failure: STOPPED },
    ],
    ['not forwarded before it was ready', states.starting, [withheld], { by: 'SIGTERM', known: false, sent: false }],
    ['too late', states.starting, [events['start-timeout']], states['timed-out'].stop],
    ['dismissed', states.ready, [events.dismissed], states.dismissed.stop],
  ])('%s', (_, state, happened, stop) => {
    for (const event of happened) state = next(state, event).state;
    expect('stop' in state ? state.stop : undefined).toEqual(stop);
  });

  it.each<[string, LifeEvent[], boolean]>([
    ['was sent its stop signal', [events.signal], true],
    ["was stopped by the signal's sender", [reached], false],
    ['ended by itself', [], false],
  ])('an app that %s', (_, happened, asked) => {
    let state: State = states.ready;
    for (const event of happened) state = next(state, event).state;
    const { effects } = next(state, exit({ code: 0 }));
    expect(effects.find(({ type }) => type === 'end')).toMatchObject({ asked });
  });
});

describe("the app's notifications", () => {
  const all = notice({
    ready: true,
    stopping: true,
    reloading: ['RELOADING=1', 'MONOTONIC_USEC=5'],
    rest: ['STATUS=mine', 'ERRNO=2'],
    dropped: ['MAINPID', 'FDSTORE'],
  });
  const notPassedOn = 'debug not-passed-on: not relayed to systemd: MAINPID, FDSTORE';
  const told = (state: State, event: LifeEvent) => next(state, event).effects.map(short);

  it('are passed on with one state word per datagram, in this order', () => {
    expect(told(states.ready, all)).toEqual([
      'notify STATUS=mine | ERRNO=2',
      'notify RELOADING=1 | MONOTONIC_USEC=5',
      'notify READY=1',
      'notify STOPPING=1',
      notPassedOn,
    ]);
  });

  it('READY=1 before the app counts as ready is for the probes', () => {
    expect(told(states.starting, all)).toEqual([
      'notify STATUS=mine | ERRNO=2',
      'notify RELOADING=1 | MONOTONIC_USEC=5',
      'notify STOPPING=1',
      notPassedOn,
    ]);
  });

  it('after a missed start timeout READY=1 is dropped, and the status with the reason stays', () => {
    expect(told(states['timed-out'], all)).toEqual([
      'notify ERRNO=2',
      'notify RELOADING=1 | MONOTONIC_USEC=5',
      'notify STOPPING=1',
      notPassedOn,
    ]);
    expect(told(states['timed-out'], notice({ rest: ['STATUS=mine'] }))).toEqual([]);
  });

  it('are dropped after its death', () => {
    expect(told(states.ended, all)).toEqual([]);
  });

  it('an empty one has no effect', () => {
    expect(next(states.ready, notice({}))).toEqual({ state: states.ready, effects: [] });
  });

  describe("the app's own status", () => {
    const own = next(states.starting, notice({ ready: true, rest: ['STATUS=mine'] })).state;

    it('is not overwritten while the app is healthy', () => {
      expect(told(own, events['still-waiting'])).toEqual([]);
      const ready = next(own, events.ready);
      expect(ready.effects.map(short)[0]).toBe('notify READY=1');
      expect(told(ready.state, notice({ ready: true }))).toEqual(['notify READY=1']);
    });

    it('is overwritten if something went wrong', () => {
      expect(told(own, events['start-timeout'])).toContain('notify STATUS=not ready after 30 s: tcp 1: ECONNREFUSED');
      expect(told(own, events['exit 3']).join()).toContain('notify STATUS=the app exited with code 3');
      expect(told(next(own, events.ready).state, events['exit 3'])).toContain(
        'notify STATUS=the app exited with code 3',
      );
    });

    it('is only replaced by another status', () => {
      const { state } = next(states.starting, notice({ rest: ['STATUSES=1', 'ERRNO=2'] }));
      expect(told(state, events['still-waiting'])).toHaveLength(1);
    });
  });
});

describe('the watchdog', () => {
  const watched = (mode: 'process' | 'probe' | 'app' | 'loop') => ({ ...states.ready, watchdog: mode });
  const told = (state: State, event: LifeEvent) => next(state, event).effects.flatMap(short);

  it.each([
    ['process', ' | WATCHDOG=1'],
    ['probe', ' | WATCHDOG=1'],
    ['loop', ' | WATCHDOG=1'],
    ['app', ''],
  ] as const)('%s: READY=1 carries the first ping: %j', (watchdog, ping) => {
    expect(told({ ...states.starting, watchdog }, events.ready)).toEqual([
      `notify READY=1 | STATUS=App (pid 42) ready after 1.25 s: tcp 1${ping}`,
      'stop-waiting',
      'watch',
      'info ready: ready after 1.25 s: tcp 1',
    ]);
  });

  it.each([
    ['process', true],
    ['app', true],
    ['probe', false],
    ['loop', false],
  ] as const)("%s: the app's own ping is passed on: %s; its other assignments always are", (mode, passed) => {
    expect(told(watched(mode), notice({ rest: ['WATCHDOG=1', 'ERRNO=1'] }))).toEqual([
      passed ? 'notify WATCHDOG=1 | ERRNO=1' : 'notify ERRNO=1',
    ]);
    expect(told(watched(mode), notice({ rest: ['WATCHDOG=trigger'] }))).toEqual(['notify WATCHDOG=trigger']);
  });

  it('no ping of the app before READY=1, which carries the requested interval', () => {
    const starting: State = { ...states.starting, watchdog: 'app' };
    const said = next(starting, notice({ rest: ['WATCHDOG=1', 'WATCHDOG_USEC=5', 'ERRNO=1'] }));
    expect(said.effects.flatMap(short)).toEqual(['notify ERRNO=1']);
    expect(told(said.state, events.ready)[0]).toMatch(/^notify READY=1 .* \| WATCHDOG_USEC=5$/);
  });

  it('another interval comes with a ping, because it counts from the last one', () => {
    const wants = notice({ rest: ['WATCHDOG_USEC=5'] });
    expect(told(watched('process'), wants)).toEqual(['notify WATCHDOG_USEC=5 | WATCHDOG=1']);
    // whose beat is for the unit's interval
    expect(told(watched('loop'), wants)).toEqual([]);
    expect(told(watched('app'), wants)).toEqual(['notify WATCHDOG_USEC=5']);
    expect(told(states.ready, wants)).toEqual(['notify WATCHDOG_USEC=5']);
  });

  it("the app's own text returns when it is healthy again", () => {
    const { state } = next(watched('loop'), notice({ rest: ['STATUS=open'] }));
    expect(told(state, events.unhealthy)[0]).toContain('unhealthy');
    expect(told(state, events.recovered)[0]).toBe('notify STATUS=open');
  });

  describe('the last line names why the app was unhealthy', () => {
    const abort = signalled('SIGABRT', { fate: 'forwarded', as: 'SIGABRT' });
    const killed = exit({ signal: 'SIGABRT' });
    const before = '; unhealthy before: tcp 1: ECONNREFUSED';
    it.each<[string, LifeEvent[], string]>([
      ["after systemd's watchdog killed it", [events.unhealthy, abort, killed], before],
      ['even if it dies slowly', [events.unhealthy, abort, events.recovered, killed], before],
      ['after it died by itself', [events.unhealthy, killed], before],
      ['during a reload', [events.unhealthy, events.reload, abort, killed], before],
      ['not if it was healthy', [abort, killed], ''],
      ['not if it had recovered', [events.unhealthy, events.recovered, abort, killed], ''],
      ['not if an operator stopped it', [events.unhealthy, events.signal, killed], ''],
      ['not if it was already stopping', [notice({ stopping: true }), events.unhealthy, abort, killed], ''],
    ])('%s', (_, happened, suffix) => {
      let state: State = watched('probe');
      let effects: readonly Effect[] = [];
      for (const event of happened) ({ state, effects } = next(state, event));
      expect(effects.flatMap(short)).toEqual(
        failedAfterReady(`was killed by SIGABRT${suffix}`, '{"signal":"SIGABRT"}'),
      );
    });
  });

  it('an unhealthy app that was asked to stop, or announced it, raises no alarm', () => {
    for (const event of [events.signal, notice({ stopping: true })]) {
      const { state } = next(watched('probe'), event);
      expect(told(state, events.unhealthy)).toEqual([
        'info unhealthy: the app has been unhealthy for 1 s: tcp 1: ECONNREFUSED; it is stopping',
      ]);
      expect(told(state, events.recovered)).toEqual([]);
    }
  });
});

describe('a reload', () => {
  const told = (state: State, event: LifeEvent) => next(state, event).effects.flatMap(short);
  const byApp = next(states.reloading, notice({ reloading: ['RELOADING=1', 'MONOTONIC_USEC=9'] }));

  it('that the app also announces is sent once, and ends only with its own READY=1', () => {
    expect(byApp.effects).toEqual([]);
    expect(told(byApp.state, events['ready-again'])).toEqual([]);
    expect(told(byApp.state, { ...events['reload-timeout'], waitingFor: '' })[0]).toBe(
      "notify STATUS=not ready again 30 s after SIGHUP: the app's own READY=1; the app runs on",
    );
    const end = next(byApp.state, notice({ ready: true }));
    expect(end.effects.flatMap(short)[0]).toMatch(/^notify READY=1 /);
    expect(next(end.state, events['ready-again']).effects).toEqual([]);
  });

  it('that starts again replaces the earlier one', () => {
    const anew = next(next(byApp.state, events['reload-timeout']).state, events.reload);
    expect(anew.state).toEqual({ ...states.reloading });
  });

  it("overwrites the app's own text only at the timeout, and restores it afterwards", () => {
    const { state } = next(states.reloading, notice({ rest: ['STATUS=open'] }));
    expect(told(state, events['still-waiting'])).toEqual([]);
    expect(told(state, events['ready-again'])[0]).toBe('notify READY=1');
    const late = next(state, events['reload-timeout']);
    expect(late.effects.flatMap(short)[0]).toContain('not ready again');
    expect(told(late.state, events['ready-again'])[0]).toBe('notify READY=1 | STATUS=open');
  });
});
