import { describe, expect, it } from 'vitest';
import type { Readiness } from '../../../src/probes/readiness.ts';
import { loopHealth, probeHealth, processHealth } from '../../../src/watchdog/vitals.ts';
import { settle } from '../fakes.ts';

it('a process that exists is healthy', () => {
  expect(processHealth.check()).toBeUndefined();
});

describe('probeHealth', () => {
  function asked() {
    const questions: { answer: () => void; fail: (bug: Error) => void; signal: AbortSignal }[] = [];
    const ask = (): Readiness => ({
      name: 'tcp 1',
      waitingFor: () => 'tcp 1: ECONNREFUSED',
      wait: (signal) =>
        new Promise((resolve, reject) => questions.push({ answer: () => resolve('tcp 1'), fail: reject, signal })),
    });
    return { questions, vitals: probeHealth(ask) };
  }

  it('polls at a check, and at the next only after an answer', async () => {
    const { questions, vitals } = asked();
    expect(vitals.check()).toBeUndefined();
    expect([vitals.check(), vitals.check()]).toEqual(['tcp 1: ECONNREFUSED', 'tcp 1: ECONNREFUSED']);
    expect(questions).toHaveLength(1);
    questions[0]?.answer();
    await settle();
    expect(questions).toHaveLength(1);
    expect(vitals.check()).toBeUndefined();
    expect(questions).toHaveLength(2);
  });

  it('a failed probe gives no answer, and is polled again', async () => {
    const { questions, vitals } = asked();
    vitals.check();
    questions[0]?.fail(new Error('a bug'));
    await settle();
    expect(vitals.check()).toBe('Error: a bug');
    questions[1]?.answer();
    await settle();
    expect(vitals.check()).toBeUndefined();
  });

  it('stops the open poll at the end', () => {
    const { questions, vitals } = asked();
    vitals.check();
    vitals.end();
    expect(questions[0]?.signal.aborted).toBe(true);
  });
});

describe('turning', () => {
  it('is healthy while the count changes', () => {
    let beats = 3;
    const vitals = loopHealth(
      () => beats,
      () => expect.fail('it has beaten'),
    );
    expect(vitals.check()).toBeUndefined();
    expect(vitals.check()).toBe('its event loop is blocked');
    beats = 0;
    expect(vitals.check()).toBeUndefined();
    expect(vitals.check()).toBe('its event loop is blocked');
  });

  it('reports a count that never changed by the first check once, and stays healthy', () => {
    let told = 0;
    const vitals = loopHealth(
      () => 0,
      () => {
        told += 1;
      },
    );
    expect([vitals.check(), vitals.check(), vitals.check(), told]).toEqual([undefined, undefined, undefined, 1]);
  });
});
