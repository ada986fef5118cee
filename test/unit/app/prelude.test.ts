import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { isNeeded, withPrelude } from '../../../src/app/prelude.ts';
import { limitOf } from '../../../src/base/proc.ts';

const NOTHING = { listenPid: false, watchdogPid: false, ignored: [], openFiles: undefined };

/** What the app then sees, printed by env(1) itself: run with real shells, because they differ. */
function seen(prelude: Parameters<typeof withPrelude>[0], env: Record<string, string>, ...args: string[]): string[] {
  const [file, words] = withPrelude(prelude, '/usr/bin/env', args, env);
  return execFileSync(file, words, { env, encoding: 'utf8' }).split('\n').filter(Boolean).sort();
}

describe('withPrelude', () => {
  it.each([
    [{}, false],
    [{ listenPid: true }, true],
    [{ watchdogPid: true }, true],
    [{ ignored: [13] }, true],
    [{ openFiles: 1024 }, true],
  ])('is needed if there is something to do: %j', (some, needed) => {
    expect(isNeeded({ ...NOTHING, ...some })).toBe(needed);
  });

  it.each([
    ['only its own', {}],
    ['values as they are', { A: ' two  words \'"$HOME`\\\\ ', B: '' }],
    ['names that are not identifiers', { 'a.b': '1', 'c-d': '2', '1e': '3', '-f': '4' }],
    ['what shells change', { IFS: 'x', OPTIND: '5', PPID: '7', PS4: '$(exit 1)', SECONDS: '1' }],
    ['what shells set themselves', { PWD: '/not/here', OLDPWD: '/nor/there', SHLVL: '7', _: 'x' }],
  ])('leaves the environment as it was: %s', (_, env) => {
    const expected = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    expect(seen({ ...NOTHING, ignored: [13] }, env)).toEqual(expected.sort());
  });

  it("sets WATCHDOG_PID to the app's process", () => {
    const [file, words] = withPrelude(
      { ...NOTHING, watchdogPid: true },
      '/bin/sh',
      ['-c', 'echo $$ $WATCHDOG_PID'],
      {},
    );
    const [pid, watchdogPid] = execFileSync(file, words, { encoding: 'utf8' }).trim().split(' ');
    expect(watchdogPid).toBe(pid);
  });

  it("sets LISTEN_PID to the app's process", () => {
    const [file, words] = withPrelude({ ...NOTHING, listenPid: true }, '/bin/sh', ['-c', 'echo $$ $LISTEN_PID'], {});
    const [pid, listenPid] = execFileSync(file, words, { encoding: 'utf8' }).trim().split(' ');
    expect(listenPid).toBe(pid);
  });

  it.each([['/bin/echo', ['a', '', ' b ', '--', '-n', '$HOME', '*', 'x=y']]])(
    'passes arguments unchanged',
    (command, args) => {
      const [file, words] = withPrelude({ ...NOTHING, listenPid: true, ignored: [13] }, command, args, {});
      expect(execFileSync(file, words, { encoding: 'utf8' })).toBe(`${args.join(' ')}\n`);
    },
  );

  it('takes a path with an equals sign as the command', () => {
    const [, words] = withPrelude({ ...NOTHING, listenPid: true }, '/srv/a=b/app', ['x'], {});
    expect(words).toEqual(['-c', expect.any(String), 'sh', '/srv/a=b/app', 'x']);
  });

  it('ignores the signals', () => {
    const args = ['-c', 'grep SigIgn /proc/$$/status'];
    const [file, words] = withPrelude({ ...NOTHING, ignored: [13, 1] }, '/bin/sh', args, {});
    expect(execFileSync(file, words, { encoding: 'utf8' })).toMatch(/0000000000001001/);
  });

  it('sets the soft limit of open files, and keeps the hard one', () => {
    const script = 'ulimit -S -n; ulimit -H -n';
    const [file, words] = withPrelude({ ...NOTHING, openFiles: 64 }, '/bin/sh', ['-c', script], {});
    const [soft, hard] = execFileSync(file, words, { encoding: 'utf8' }).split('\n');
    expect(soft).toBe('64');
    expect(hard).toBe(String(limitOf('self', 'Max open files')?.hard).replace('Infinity', 'unlimited'));
  });

  it.each([
    ['a name', {}],
    ['-with a dash', { 'a.b': '1', BASH_ENV: '/no/such', 'BASH_FUNC_x%%': '() {  echo x\n}' }],
    ['and what shells set', { PWD: '/not/here', SHLVL: '7' }],
  ])('sets another argv[0], and leaves the environment as it was: %s', (name, env: Record<string, string>) => {
    const [file, words] = withPrelude({ ...NOTHING, ignored: [13] }, '/usr/bin/env', ['-0'], env, name);
    const seen = execFileSync(file, words, { env, encoding: 'utf8' }).split('\0').filter(Boolean).sort();
    expect(seen).toEqual(
      Object.entries(env)
        .map(([variable, value]) => `${variable}=${value}`)
        .sort(),
    );
    const perl = ['-e', 'open F, "/proc/self/cmdline"; print <F>'];
    const [again, ofPerl] = withPrelude({ ...NOTHING, ignored: [13] }, '/usr/bin/perl', perl, env, name);
    expect(execFileSync(again, ofPerl, { env, encoding: 'utf8' }).split('\0')).toEqual([name, ...perl, '']);
  });
});
