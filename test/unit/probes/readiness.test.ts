import { describe, expect, it } from 'vitest';
import type { ReadinessProbe } from '../../../src/probes/probe.ts';
import { combine, combineAgain } from '../../../src/probes/readiness.ts';
import { isSettled, settle } from '../fakes.ts';

interface FakeProbe extends ReadinessProbe {
  reason: string;
  stopped: boolean;
  ready(by?: string): void;
  fail(bug: Error): void;
}

function fakeProbe(name: string): FakeProbe {
  const { promise, resolve, reject } = withResolvers();
  return {
    name,
    reason: '',
    stopped: false,
    wait(signal) {
      signal.addEventListener('abort', () => {
        this.stopped = true;
      });
      return promise;
    },
    ready: (by = name) => resolve(by),
    fail: reject,
  };
}

function withResolvers() {
  let resolve: (by: string) => void = () => {};
  let reject: (bug: Error) => void = () => {};
  const promise = new Promise<string>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

const three = () => [fakeProbe('a'), fakeProbe('b'), fakeProbe('c')] as const;
const never = () => new AbortController().signal;

describe('all', () => {
  it('is ready with the last probe, and names them in the given order', async () => {
    const probes = three();
    const readiness = combine(probes, 'all');
    expect(readiness.name).toBe('a and b and c');
    const waited = readiness.wait(never());
    probes[2].ready();
    probes[0].ready('a at its address');
    expect(await isSettled(waited)).toBe(false);
    expect(probes.map((probe) => probe.stopped)).toEqual([false, false, false]);
    probes[1].ready();
    expect(await waited).toBe('a at its address and b and c');
    expect(probes.map((probe) => probe.stopped)).toEqual([true, true, true]);
  });

  it('waits for the open ones, each with its reason', async () => {
    const probes = three();
    const readiness = combine(probes, 'all');
    expect(readiness.waitingFor()).toBe('a; b; c');
    probes[0].reason = 'ECONNREFUSED';
    probes[2].reason = 'no output yet';
    expect(readiness.waitingFor()).toBe('a: ECONNREFUSED; b; c: no output yet');
    void readiness.wait(never());
    probes[0].ready();
    probes[1].ready();
    await settle();
    expect(readiness.waitingFor()).toBe('c: no output yet');
  });
});

describe('any', () => {
  it('is ready with the first probe, and stops the others', async () => {
    const probes = three();
    const readiness = combine(probes, 'any');
    expect(readiness.name).toBe('a or b or c');
    const waited = readiness.wait(never());
    expect(await isSettled(waited)).toBe(false);
    probes[1].ready('b itself');
    expect(await waited).toBe('b itself');
    expect(probes.map((probe) => probe.stopped)).toEqual([true, true, true]);
  });
});

describe.each(['all', 'any'] as const)('%s', (when) => {
  it('a single probe keeps its name', async () => {
    const probe = fakeProbe('tcp 127.0.0.1:3000');
    const readiness = combine([probe], when);
    expect(readiness.name).toBe('tcp 127.0.0.1:3000');
    const waited = readiness.wait(never());
    probe.ready();
    expect(await waited).toBe('tcp 127.0.0.1:3000');
  });

  it('an abort stops every probe, and nothing settles', async () => {
    const probes = three();
    const abort = new AbortController();
    const waited = combine(probes, when).wait(abort.signal);
    abort.abort();
    expect(probes.map((probe) => probe.stopped)).toEqual([true, true, true]);
    expect(await isSettled(waited)).toBe(false);
  });

  it('reports the bug of a probe, and stops the others', async () => {
    const probes = three();
    const waited = combine(probes, when).wait(never());
    probes[1].fail(new Error('bug'));
    await expect(waited).rejects.toThrow('bug');
    expect(probes[0].stopped).toBe(true);
  });
});

describe('a second wait, after a reload', () => {
  function reloading(probes: readonly ReadinessProbe[]) {
    let tell = () => {};
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const again = combineAgain(probes, 'all', told);
    return { again, tell, waited: again.wait(new AbortController().signal) };
  }

  it('listens for messages at once, and polls after the app got the signal', async () => {
    const waits: string[] = [];
    const noting = (name: string, polls: boolean): ReadinessProbe => ({
      ...fakeProbe(name),
      polls,
      wait: async () => {
        waits.push(name);
        return name;
      },
    });
    const { tell, waited } = reloading([noting('line', false), noting('tcp', true)]);
    await settle();
    expect(waits).toEqual(['line']);
    tell();
    expect(await waited).toBe('line and tcp');
  });

  it("uses a probe's other readiness signal for reloads", async () => {
    const other = fakeProbe('other');
    const { again, waited } = reloading([{ ...fakeProbe('auto'), again: other }]);
    expect(again.name).toBe('other');
    other.ready();
    expect(await waited).toBe('other');
  });

  it('waits for all of them again', async () => {
    const probe = { ...fakeProbe('a'), wait: async () => 'a' };
    const readiness = combine([probe], 'all');
    await readiness.wait(new AbortController().signal);
    expect(readiness.waitingFor()).toBe('');
    void readiness.wait(new AbortController().signal);
    expect(readiness.waitingFor()).toBe('a');
  });
});
