import { describe, expect, it } from 'vitest';
import { createProbe } from '../../src/probes/index.ts';
import { fakeContext, isSettled } from '../unit/fakes.ts';

function start(word = 'ready') {
  const context = fakeContext();
  const abort = new AbortController();
  const probe = createProbe({ kind: 'ipc', word }, context);
  return { app: context.app, notice: context.notice, abort, probe, waited: probe.wait(abort.signal) };
}

describe('an IPC probe', () => {
  it.each([
    ['ready', 'ready'],
    ['ready', { type: 'ready' }],
    ['ready', { type: 'ready', port: 3000 }],
    ['online', 'online'],
    ['online', { type: 'online' }],
    ['in two words "quoted"', 'in two words "quoted"'],
  ])('%j: %j is ready', async (word, message) => {
    const { app, probe, waited } = start(word);
    expect(probe.name).toBe(`ipc message ${JSON.stringify(word)}`);
    app.say(message);
    expect(await waited).toBe(probe.name);
    expect(app.listeners).toBe(0);
  });

  it.each([
    'Ready',
    'ready ',
    'readyness',
    '',
    { type: 'Ready' },
    { type: ['ready'] },
    { type: { type: 'ready' } },
    { ready: true },
    { cmd: 'ready' },
    ['ready'],
    null,
    undefined,
    true,
    0,
    {},
  ])('%j is not', async (message) => {
    const { app, probe, waited } = start();
    app.say(message);
    expect(await isSettled(waited)).toBe(false);
    expect(probe.reason).toBe('1 other message so far; --ipc-message selects another');
  });

  it('reports what came instead, and keeps waiting', async () => {
    const { app, probe, waited } = start();
    expect(probe.reason).toBe('no message yet');
    app.say('starting');
    app.say('almost');
    expect(probe.reason).toBe('2 other messages so far; --ipc-message selects another');
    app.say('ready');
    await waited;
    // the word is right, so that after a reload there is no hint at another
    void probe.wait(new AbortController().signal);
    app.say('almost');
    expect(probe.reason).toBe('1 other message so far');
  });

  it('is ready at READY=1 of sd-ready-wrap/client, and at no other READY=1', async () => {
    const { app, notice, probe, waited } = start();
    notice({ ready: true });
    notice({ byClient: true, rest: ['STATUS=ready'] });
    expect(await isSettled(waited)).toBe(false);
    notice({ byClient: true, ready: true });
    expect(await waited).toBe(probe.name);
    expect(app.listeners).toBe(0);
  });

  it('an abort removes the listeners, and nothing settles', async () => {
    const { app, notice, abort, waited } = start();
    abort.abort();
    expect(app.listeners).toBe(0);
    app.say('ready');
    notice({ byClient: true, ready: true });
    expect(await isSettled(waited)).toBe(false);
  });
});
