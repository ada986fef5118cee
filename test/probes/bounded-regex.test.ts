import { describe, expect, it } from 'vitest';
import { anyMatches } from '../../src/probes/bounded-regex.ts';

describe('anyMatches', () => {
  it.each<[RegExp, string[], boolean]>([
    [/b/, ['a', 'b'], true],
    [/b/, ['a', 'c'], false],
    [/^$/, [''], true],
    [/x/, [], false],
    [/^ü 🚀$/, ['ü 🚀'], true],
    [/(?<=a)b/, ['ab'], true],
  ])('%s in %j: %s', (regex, lines, expected) => {
    expect(anyMatches(regex, lines)).toBe(expected);
  });

  it('does not know where it would take for ever, and works on afterwards', () => {
    expect(anyMatches(/^(a+)+$/, [`${'a'.repeat(5000)}!`])).toBeUndefined();
    expect(anyMatches(/^(a+)+$/, ['aaa'])).toBe(true);
  });
});
