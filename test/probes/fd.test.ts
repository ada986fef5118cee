import { describe, expect, it } from 'vitest';
import { fdProbe } from '../../src/probes/fd.ts';
import { fakeContext, isSettled } from '../unit/fakes.ts';

function start(fd = 4) {
  const { app } = fakeContext();
  const abort = new AbortController();
  const probe = fdProbe({ kind: 'fd', fd }, { ...fakeContext(), app });
  return { app, abort, probe, waited: probe.wait(abort.signal) };
}

describe('an fd probe', () => {
  it.each([[['\n']], [['ready\n']], [['rea', 'dy', '\n']], [['\nmore']], [['a\nb\n']]])(
    'is ready after %j',
    async (pieces) => {
      const { app, probe, waited } = start();
      expect([probe.name, probe.reason]).toEqual(['fd 4', 'no newline yet']);
      for (const piece of pieces) {
        expect(await isSettled(waited)).toBe(false);
        app.writeTo(4, piece);
      }
      expect(await waited).toBe('fd 4');
      expect(app.listeners).toBe(0);
    },
  );

  it.each([[['ready']], [['']], [['\r']], [['\\n', '\0']]])(
    'is not ready after %j, nor when it is closed after that',
    async (pieces) => {
      const { app, probe, waited } = start();
      for (const piece of pieces) app.writeTo(4, piece);
      expect(await isSettled(waited)).toBe(false);
      app.writeTo(4, 'end');
      expect(await isSettled(waited)).toBe(false);
      expect(probe.reason).toBe('closed without a newline');
    },
  );

  it('ignores another descriptor', async () => {
    const { app, waited } = start(4);
    app.writeTo(5, '\n');
    expect(await isSettled(waited)).toBe(false);
  });

  it('leaves nothing behind when aborted', async () => {
    const { app, abort, waited } = start();
    abort.abort();
    expect(app.listeners).toBe(0);
    app.writeTo(4, '\n');
    expect(await isSettled(waited)).toBe(false);
  });
});
