import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { FORWARDED_SIGNALS } from '../../../src/core/signals.ts';

const NOT_FORWARDED = [
  'SIGKILL',
  'SIGSTOP',
  'SIGSEGV',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGCHLD',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGWINCH',
];

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
