import { describe, expect, it } from 'vitest';
import { anyMatches, type Verdict } from '../../src/probes/log/bounded-regex.ts';

describe('anyMatches', () => {
  it.each<[RegExp, string[], Verdict]>([
    [/b/, ['a', 'b'], 'match'],
    [/b/, ['a', 'c'], 'none'],
    [/^$/, [''], 'match'],
    [/x/, [], 'none'],
    [/^ü 🚀$/, ['ü 🚀'], 'match'],
    [/(?<=a)b/, ['ab'], 'match'],
    [/port \d+$/, ['on port 3000'], 'match'],
    [/port \d+$/, ['on port'], 'none'],
    [/\(ready\)|up\./, ['it is (ready)'], 'match'],
  ])('%s in %j: %s', (regex, lines, expected) => {
    expect(anyMatches(regex, lines)).toBe(expected);
  });

  it.each<[RegExp, string, Verdict]>([
    [/> $/, 'name> ', 'none'],
    [/> /, 'name> ', 'match'],
    [/\w+> $/, 'name> ', 'none'],
    [/\w+> /, 'name> ', 'match'],
    [/./, '', 'none'],
    // the word may go on
    [/\bport 300\b/, 'on port 300', 'none'],
    [/\bport 300\b/, 'on port 300,', 'match'],
    [/port \d+\b/, 'on port 300', 'none'],
    [/> \B/, 'name> ', 'none'],
  ])('%s in the unfinished line %j: %s', (regex, open, expected) => {
    expect(anyMatches(regex, [], open)).toBe(expected);
  });

  it('gives up on a regex that would take forever, and works afterwards', () => {
    const look = (spent: number) => anyMatches(/^(a+)+$/, [`${'a'.repeat(5000)}!`], '', spent);
    // on a busy machine after several attempts
    let verdict = look(0);
    while (typeof verdict === 'object') verdict = look(verdict.spent);
    expect(verdict).toBe('too-slow');
    expect(anyMatches(/^(a+)+$/, ['aaa'])).toBe('match');
  });
});
