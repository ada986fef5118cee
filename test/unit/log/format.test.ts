import { beforeEach, describe, expect, it, vi } from 'vitest';
import { chooseFormat, formatJournal, formatPretty } from '../../../src/log/format.ts';

const stderr = vi.hoisted(() => ({ dev: 8, ino: 1234, terminal: false, open: true }));

vi.mock('node:fs', () => ({
  fstatSync: (fd: number) => {
    if (fd !== 2 || !stderr.open) throw new Error('EBADF');
    return { dev: stderr.dev, ino: stderr.ino, isCharacterDevice: () => stderr.terminal };
  },
}));

beforeEach(() => Object.assign(stderr, { terminal: false, open: true }));

describe('formatJournal', () => {
  it.each([
    [20, '<7>'],
    [30, '<6>'],
    [40, '<4>'],
    [50, '<3>'],
    [35, '<6>'],
  ])('level %d is %s', (level, prefix) => {
    expect(formatJournal({ level, msg: 'ready' })).toBe(`${prefix}sd-ready-wrap: ready\n`);
  });

  it('every line of a stack has the priority', () => {
    expect(formatJournal({ level: 50, msg: 'bug', stack: 'Error: bug\n    at a\n    at b' })).toBe(
      [
        '<3>sd-ready-wrap: bug',
        '<3>sd-ready-wrap: Error: bug',
        '<3>sd-ready-wrap:     at a',
        '<3>sd-ready-wrap:     at b',
        '',
      ].join('\n'),
    );
  });

  it('every line of a message has it too, such as that of a bug with its stack', () => {
    const lines = formatJournal({ level: 50, msg: 'a bug: Error: x\n    at a' }).trimEnd().split('\n');
    expect(lines).toEqual(['<3>sd-ready-wrap: a bug: Error: x', '<3>sd-ready-wrap:     at a']);
  });
});

describe('formatPretty', () => {
  it.each([
    [20, '\u001b[90m'],
    [30, '\u001b[36m'],
    [40, '\u001b[33m'],
    [50, '\u001b[31m'],
  ])('level %d has its colour, which ends before the message', (level, colour) => {
    expect(formatPretty({ level, msg: 'ready' })).toBe(`${colour}sd-ready-wrap:\u001b[0m ready\n`);
  });

  it('shows the stack after the message', () => {
    expect(formatPretty({ level: 50, msg: 'bug', stack: 'Error: bug\n    at a' })).toMatch(
      / bug\nError: bug\n {4}at a\n$/,
    );
  });
});

describe('chooseFormat', () => {
  it.each([
    ['auto', '8:1234', false, 'journal'],
    ['auto', '8:1234', true, 'journal'],
    ['auto', '8:1235', false, 'json'],
    ['auto', '9:1234', true, 'pretty'],
    ['auto', undefined, false, 'json'],
    ['auto', undefined, true, 'pretty'],
    ['auto', '', false, 'json'],
    ['journal', undefined, true, 'journal'],
    ['json', '8:1234', true, 'json'],
    ['pretty', '8:1234', false, 'pretty'],
  ] as const)('%s with JOURNAL_STREAM=%s, on a terminal: %s, is %s', (format, stream, terminal, chosen) => {
    stderr.terminal = terminal;
    expect(chooseFormat(format, { JOURNAL_STREAM: stream })).toBe(chosen);
  });

  it('is JSON if stderr is closed', () => {
    stderr.open = false;
    expect(chooseFormat('auto', { JOURNAL_STREAM: '8:1234' })).toBe('json');
  });
});
