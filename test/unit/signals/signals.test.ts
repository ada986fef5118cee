import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { FORWARDED_SIGNALS, fateOf, parseRewrite } from '../../../src/signals/signals.ts';

const NOT_FORWARDED = ['SIGKILL', 'SIGSTOP', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGCHLD'];

/** Other names of signals that are in one of the lists. */
const ALIASES = ['SIGIOT', 'SIGPOLL', 'SIGUNUSED'];

describe('FORWARDED_SIGNALS', () => {
  it('and the ones left out on purpose are all that Node can name', () => {
    expect([...FORWARDED_SIGNALS, ...NOT_FORWARDED].sort()).toEqual(
      Object.keys(constants.signals)
        .filter((name) => !ALIASES.includes(name))
        .sort(),
    );
  });

  it('names no signal twice', () => {
    const numbers = FORWARDED_SIGNALS.map((name) => constants.signals[name]);
    expect(new Set(numbers).size).toBe(FORWARDED_SIGNALS.length);
  });

  it.each(FORWARDED_SIGNALS)('%s can be listened for', (name) => {
    const listener = () => {};
    process.on(name, listener);
    process.off(name, listener);
  });
});

describe('fateOf', () => {
  const rewrites = new Map([
    ['SIGTERM', 'SIGQUIT'],
    ['SIGHUP', undefined],
  ] as const);

  it.each([
    ['SIGUSR1', 'auto', 'ask'],
    ['SIGUSR1', 'all', { fate: 'forwarded', as: 'SIGUSR1' }],
    ['SIGUSR1', 'none', { fate: 'withheld' }],
    ['SIGTERM', 'auto', { fate: 'forwarded', as: 'SIGQUIT' }],
    ['SIGTERM', 'all', { fate: 'forwarded', as: 'SIGQUIT' }],
    ['SIGTERM', 'none', { fate: 'withheld' }],
    ['SIGHUP', 'auto', { fate: 'withheld' }],
    ['SIGHUP', 'all', { fate: 'withheld' }],
  ] as const)('%s by %s', (signal, forward, fate) => {
    expect(fateOf(signal, forward, rewrites)).toEqual(fate);
  });
});

describe('parseRewrite', () => {
  it.each([
    ['TERM:QUIT', ['SIGTERM', 'SIGQUIT']],
    ['SIGTERM:SIGQUIT', ['SIGTERM', 'SIGQUIT']],
    [' term:quit ', ['SIGTERM', 'SIGQUIT']],
    ['TERM:KILL', ['SIGTERM', 'SIGKILL']],
    ['HUP:0', ['SIGHUP', undefined]],
    ['TSTP:STOP', ['SIGTSTP', 'SIGSTOP']],
    ['TERM', 'not FROM:TO'],
    ['TERM:QUIT:INT', 'not FROM:TO'],
    ['', 'not FROM:TO'],
    ['KILL:TERM', 'not a signal that can be forwarded: KILL'],
    ['0:TERM', 'not a signal that can be forwarded: 0'],
    ['15:3', 'not a signal that can be forwarded: 15'],
    ['TERM:', 'not a signal that can be sent: '],
    ['TERM:QUITE', 'not a signal that can be sent: QUITE'],
  ])('%s', (text, parsed) => {
    expect(parseRewrite(text)).toEqual(parsed);
  });
});
