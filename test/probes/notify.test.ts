import { describe, expect, it } from 'vitest';
import { createProbe } from '../../src/probes/index.ts';
import { fakeContext, isSettled } from '../unit/fakes.ts';

function start() {
  const context = fakeContext();
  const abort = new AbortController();
  const probe = createProbe({ kind: 'notify' }, context);
  return { context, abort, probe, waited: probe.wait(abort.signal) };
}

describe('a notify probe', () => {
  it('is ready at READY=1', async () => {
    const { context, probe, waited } = start();
    expect(probe.name).toBe('notify READY=1');
    expect(probe.reason).toBe('no READY=1 yet');
    context.notice({ ready: true, rest: ['STATUS=up'] });
    expect(await waited).toBe('notify READY=1');
  });

  it('reports what came instead, and keeps waiting', async () => {
    const { context, probe, waited } = start();
    context.notice({ rest: ['STATUS=loading'] });
    expect(probe.reason).toBe('1 other message so far');
    context.notice({ rest: ['WATCHDOG=1'] });
    context.notice({ stopping: true });
    expect(probe.reason).toBe('3 other messages so far');
    expect(await isSettled(waited)).toBe(false);
    context.notice({ ready: true });
    await waited;
  });

  it('ignores everything after it', async () => {
    const { context, probe, waited } = start();
    context.notice({ ready: true });
    await waited;
    context.notice({ rest: ['STATUS=x'] });
    expect(probe.reason).toBe('no READY=1 yet');
  });

  it('an abort removes the listeners, and nothing settles', async () => {
    const { context, abort, probe, waited } = start();
    abort.abort();
    context.notice({ ready: true });
    context.notice({ rest: ['STATUS=x'] });
    expect(await isSettled(waited)).toBe(false);
    expect(probe.reason).toBe('no READY=1 yet');
  });
});
