import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { clock } from '../../src/base/real-clock.ts';
import { execProbe } from '../../src/probes/exec.ts';
import { childrenOf, isRunning, stateOf } from '../helpers/pids.ts';
import { tempDir } from '../helpers/temp.ts';
import { untilPasses } from '../helpers/until.ts';
import { fakeContext, isSettled } from '../unit/fakes.ts';

/** With the real clock: what is tested here is how it goes with the commands. */
function start(command: string, { attemptTimeout = 5000, interval = 5, path = '/usr/bin:/bin' } = {}) {
  const dir = tempDir();
  const context = {
    ...fakeContext(),
    clock,
    timing: { initialDelay: 0, interval, attemptTimeout },
    env: { PATH: path, DIR: dir.path, FROM_APP: 'yes' },
  };
  const abort = new AbortController();
  onTestFinished(() => {
    abort.abort();
    dir[Symbol.dispose]();
  });
  const probe = execProbe({ kind: 'exec', command }, context);
  return { dir, abort, probe, waited: probe.wait(abort.signal) };
}

const reasonIs = (probe: { readonly reason: string }, reason: string | RegExp) =>
  untilPasses(() => expect(probe.reason).toMatch(reason));

/** The pids that a command wrote to a file, one a line. */
const pidsIn = (file: string) =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number) : [];

/** None of them runs, and none that was a child of ours waits to be waited for. */
const allGone = (pids: readonly number[]) =>
  untilPasses(() => {
    expect(pids.filter((pid) => isRunning(pid))).toEqual([]);
    expect(childrenOf(process.pid).filter((pid) => pids.includes(pid) && stateOf(pid) === 'Z')).toEqual([]);
  });

describe('a command', () => {
  it('that exits 0 is ready', async () => {
    const { probe, waited } = start('exit 0');
    expect([probe.name, probe.reason]).toEqual(['exec exit 0', '']);
    expect(await waited).toBe(probe.name);
  });

  it('needs no shell on the PATH of the app', async () => {
    await start('exit 0', { path: '/opt/app/bin' }).waited;
  });

  it('is asked again until it does', async () => {
    const { dir, probe, waited } = start('test -e "$DIR/go"');
    await reasonIs(probe, /^exit status 1$/);
    expect(await isSettled(waited)).toBe(false);
    writeFileSync(dir.file('go'), '');
    await waited;
  });

  it.each([
    ['exit 1', /^exit status 1$/],
    ['exit 255', /^exit status 255$/],
    ['no-such-command-here', /^exit status 127: .*no-such-command-here/],
    ['kill -KILL $$', /^exit status 137(: .*)?$/],
    ['kill -TERM $$', /^exit status 143(: .*)?$/],
    ['echo one >&2; echo two >&2; exit 3', /^exit status 3: two$/],
    ['printf "no end" >&2; exit 3', /^exit status 3: no end$/],
    ['printf "last\\n\\n  \\n" >&2; exit 3', /^exit status 3: last$/],
    ['echo out; exit 4', /^exit status 4$/],
    ['printf "%05000d" 7 >&2; exit 5', /^exit status 5: 0{200}$/],
    ['head -c 5000000 /dev/zero | tr "\\0" x >&2; echo >&2; echo end >&2; exit 6', /^exit status 6: end$/],
    ['syntax error ((', /^exit status 2: .*[Ss]yntax/],
  ])('%j is not, for this reason', async (command, reason) => {
    const { probe, waited } = start(command);
    await reasonIs(probe, reason);
    expect(await isSettled(waited)).toBe(false);
  });

  it("has the app's environment, nothing to read and nobody to write to", async () => {
    await start('test "$FROM_APP" = yes && ! read line && echo nobody reads this').waited;
  });

  it('that takes too long is killed, with what it started', async () => {
    const { dir, probe, waited } = start('echo $$ >>"$DIR/pids"; sleep 600 & echo $! >>"$DIR/pids"; wait; exit 0', {
      attemptTimeout: 200,
    });
    await reasonIs(probe, /^no response within --attempt-timeout$/);
    const pids = pidsIn(dir.file('pids'));
    expect(pids.length).toBeGreaterThanOrEqual(2);
    await allGone(pids.slice(0, 2));
    // the next attempt is made
    await untilPasses(() => expect(pidsIn(dir.file('pids')).length).toBeGreaterThan(pids.length));
    expect(await isSettled(waited)).toBe(false);
  });

  it('is killed with what it started when the wait ends', async () => {
    const { dir, abort, probe, waited } = start('echo $$ >>"$DIR/pids"; sleep 600 & echo $! >>"$DIR/pids"; wait');
    await untilPasses(() => expect(pidsIn(dir.file('pids'))).toHaveLength(2));
    const pids = pidsIn(dir.file('pids'));
    abort.abort();
    await allGone(pids);
    expect(probe.reason).toBe('');
    expect(await isSettled(waited)).toBe(false);
  });

  it.each([
    ['exit 0', true],
    ['exit 1', false],
  ])('that leaves somebody behind with its stderr and says "%s" is not waited for longer', async (end, ready) => {
    const { dir, abort, probe, waited } = start(`sleep 600 & echo $! >>"$DIR/pids"; ${end}`);
    if (ready) {
      await waited;
    } else {
      await reasonIs(probe, /^exit status 1$/);
      abort.abort();
    }
    await allGone(pidsIn(dir.file('pids')).slice(0, 1));
  });

  it('whom nobody can start is not ready', async () => {
    // more than execve(2) takes for one argument
    const { probe, waited } = start(`: ${'x'.repeat(200_000)}`);
    await reasonIs(probe, /^E2BIG$/);
    expect(await isSettled(waited)).toBe(false);
  });
});
