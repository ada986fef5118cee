import { describe, expect, it } from 'vitest';
import type { Readiness } from '../../../src/probes/readiness.ts';
import { answering, existing, turning } from '../../../src/watchdog/vitals.ts';
import { settle } from '../fakes.ts';

it('who exists is well', () => {
  expect(existing.look()).toBeUndefined();
});

describe('answering', () => {
  function asked() {
    const questions: { answer: () => void; fail: (bug: Error) => void; signal: AbortSignal }[] = [];
    const ask = (): Readiness => ({
      name: 'tcp 1',
      waitingFor: () => 'tcp 1: ECONNREFUSED',
      wait: (signal) =>
        new Promise((resolve, reject) => questions.push({ answer: () => resolve('tcp 1'), fail: reject, signal })),
    });
    return { questions, vitals: answering(ask) };
  }

  it('asks at a look, and again at the next only when there was an answer', async () => {
    const { questions, vitals } = asked();
    expect(vitals.look()).toBeUndefined();
    expect([vitals.look(), vitals.look()]).toEqual(['tcp 1: ECONNREFUSED', 'tcp 1: ECONNREFUSED']);
    expect(questions).toHaveLength(1);
    questions[0]?.answer();
    await settle();
    expect(questions).toHaveLength(1);
    expect(vitals.look()).toBeUndefined();
    expect(questions).toHaveLength(2);
  });

  it('a probe that failed by itself is no answer, and it is asked again', async () => {
    const { questions, vitals } = asked();
    vitals.look();
    questions[0]?.fail(new Error('a bug'));
    await settle();
    expect(vitals.look()).toBe('Error: a bug');
    questions[1]?.answer();
    await settle();
    expect(vitals.look()).toBeUndefined();
  });

  it('stops the open question at the end', () => {
    const { questions, vitals } = asked();
    vitals.look();
    vitals.end();
    expect(questions[0]?.signal.aborted).toBe(true);
  });
});

describe('turning', () => {
  it('is well while the count changes', () => {
    let beats = 3;
    const vitals = turning(
      () => beats,
      () => expect.fail('it has beaten'),
    );
    expect(vitals.look()).toBeUndefined();
    expect(vitals.look()).toBe('its event loop is blocked');
    beats = 0;
    expect(vitals.look()).toBeUndefined();
    expect(vitals.look()).toBe('its event loop is blocked');
  });

  it('never counted by the first look: told once, and well for good', () => {
    let told = 0;
    const vitals = turning(
      () => 0,
      () => {
        told += 1;
      },
    );
    expect([vitals.look(), vitals.look(), vitals.look(), told]).toEqual([undefined, undefined, undefined, 1]);
  });
});
