/** The lifecycle if the app becomes the main process. */
import { describe, expect, it } from 'vitest';
import { next } from '../../../src/lifecycle/lifecycle.ts';
import type { Effect, LifeEvent, State } from '../../../src/lifecycle/words.ts';

const START: State = {
  phase: 'starting',
  pid: 42,
  name: 'the app',
  since: '10:02:11',
  stopSignal: 'SIGTERM',
  handoff: true,
};

const ready: LifeEvent = { type: 'ready', by: 'tcp 1', afterMs: 1250 };
const orphaned = (obstacle?: string): LifeEvent => ({ type: 'orphaned', obstacle });
const processed = (alive = true): LifeEvent => ({ type: 'processed', alive });
const forwarded = (signal: 'SIGTERM' | 'SIGHUP'): LifeEvent => ({
  ...{ type: 'signal', signal, fate: { fate: 'forwarded', as: signal } },
  ...{ afterMs: 1000, waitingFor: 'tcp 1' },
});
const term = forwarded('SIGTERM');
const hup = forwarded('SIGHUP');
const ended = (status: Extract<LifeEvent, { type: 'exited' }>['status']): LifeEvent => ({
  type: 'exited',
  status,
  afterMs: 1300,
  waitingFor: '',
});
const unseen = ended({ code: 1, guessed: true });

function short(effect: Effect): string {
  if (effect.type === 'notify') return `notify ${effect.state.join(' | ')}`;
  if (effect.type === 'kill') return `kill ${effect.signal}`;
  if (effect.type === 'log') return `${effect.level}: ${effect.message}`;
  return effect.type === 'end' ? `end ${JSON.stringify(effect.status)}` : effect.type;
}

/** The effects of the last of these events, and the resulting phase. */
function outcome(...events: LifeEvent[]): [string, ...string[]] {
  let state = START;
  let effects: readonly Effect[] = [];
  for (const event of events) ({ state, effects } = next(state, event));
  return [state.phase, ...effects.map(short)];
}

const READY = 'READY=1 | STATUS=App (pid 42) ready after 1.25 s: tcp 1';
const READY_LINE = 'info: ready after 1.25 s: tcp 1';
const FORWARDED = ['kill SIGTERM', 'info: forwarded SIGTERM to the app'];

describe('a handoff', () => {
  it('orphans the app, then names it with READY=1, and leaves once systemd has received that', () => {
    expect(outcome(ready)).toEqual(['orphaning', 'stop-waiting', 'orphan']);
    expect(outcome(ready, orphaned())).toEqual([
      'leaving',
      'notify MAINPID=42 | READY=1 | STATUS=App ready after 1.25 s: tcp 1',
      READY_LINE,
      'await-processing',
    ]);
    expect(outcome(ready, orphaned(), processed())).toEqual(['ended', 'end {"code":1}']);
  });

  it('is given up if the app cannot be orphaned: the wrapper stays', () => {
    expect(outcome(ready, orphaned('pid 7 has adopted the app'))).toEqual([
      'ready',
      `notify ${READY}`,
      'stop-waiting',
      READY_LINE,
      'warn: no handoff, the wrapper stays: pid 7 has adopted the app',
    ]);
  });

  it.each([
    ['before it is ready', [term, ready], []],
    ['while it is orphaned', [ready, term], []],
  ])('is given up if the app is stopped %s', (_, events) => {
    expect(outcome(...events, orphaned())).toEqual([
      'ready',
      `notify ${READY}`,
      'stop-waiting',
      READY_LINE,
      'warn: no handoff, the wrapper stays: the unit is being stopped',
    ]);
  });

  it('continues if a stop comes before systemd has surely received it', () => {
    expect(outcome(ready, orphaned(), term)).toEqual(['leaving', ...FORWARDED]);
    expect(outcome(ready, orphaned(), term, processed())).toEqual([
      'ready',
      'warn: no handoff, the wrapper stays: the unit is being stopped',
    ]);
    expect(outcome(ready, orphaned(), term, processed(), unseen).at(-1)).toBe(
      'end {"signal":"SIGTERM","guessed":true}',
    );
  });

  it('is not delayed by another signal', () => {
    expect(outcome(hup, ready, orphaned(), processed()).at(-1)).toBe('end {"code":1}');
  });

  it('handles the end of an app that may have died before systemd received it', () => {
    expect(outcome(ready, orphaned(), processed(false))).toEqual(['leaving']);
    expect(outcome(ready, orphaned(), processed(false), unseen)).toEqual([
      'ended',
      'stop-waiting',
      'notify STATUS=the app ended with an unknown status, assuming exit code 1',
      'end {"code":1,"guessed":true}',
    ]);
  });

  it('an app that dies before it is named was not ready, and its own status counts if it is known', () => {
    expect(outcome(ready, ended({ code: 3 })).at(-1)).toBe('end {"code":3}');
    expect(outcome(ready, ended({ code: 3 }), orphaned())).toEqual(['ended']);
    expect(outcome(ended({ signal: 'SIGSEGV' })).at(-1)).toBe('end {"signal":"SIGSEGV"}');
  });

  it('has no effect in other states', () => {
    expect(outcome(orphaned())).toEqual(['starting']);
    expect(outcome(processed())).toEqual(['starting']);
    expect(outcome(ready, processed())).toEqual(['orphaning']);
    expect(outcome(ready, orphaned(), orphaned())).toEqual(['leaving']);
  });
});
