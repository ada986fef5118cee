import { describe, expect, it } from 'vitest';
import { execCommands, unquoted } from '../../../src/print-unit/exec-line.ts';

describe('execCommands', () => {
  it.each([
    ['/bin/a', ['|/bin/a|']],
    ['  /bin/a\tb  c ', ['|/bin/a|b,c']],
    ['-@:/bin/a b', ['-@:|/bin/a|b']],
    ['!!/bin/a', ['!!|/bin/a|']],
    ['|-/bin/a', ['|-|/bin/a|']],
    [`"-/bin/a b" 'c d' e"f g"h`, [`-|/bin/a b|'c d',e"f g"h`]],
    ['/bin/a "it\'s" \'say "x"\' "a\\"b" \\x41\\ b', [`|/bin/a|"it's",'say "x"',"a\\"b",\\x41\\ b`]],
    ['/bin/a ; -/bin/b c ;/bin/d', ['|/bin/a|', '-|/bin/b|c,;/bin/d']],
    ['/bin/a \\; ";" ;', ['|/bin/a|\\;,";"']],
    ['%h/bin/$x %i', ['|%h/bin/$x|%i']],
    ['node app.js', ['|node|app.js']],
  ])('%j', (line, expected) => {
    const found = execCommands(line)?.map(({ prefixes, path, words }) => `${prefixes}|${path}|${words.join()}`);
    expect(found).toEqual(expected);
  });

  it.each([`/bin/a 'b`, '/bin/a "b', '/bin/a b\\', '-', '@', '"/bin/a\\x01"', `"/bin/it's"`])(
    '%j: systemd cannot read it',
    (line) => {
      expect(execCommands(line)).toBeUndefined();
    },
  );

  it('parses a long line in linear time', () => {
    const began = process.cpuUsage();
    const words = `'${'a b"'.repeat(50_000)}' ${'c '.repeat(100_000)}${' '.repeat(100_000)}`;
    expect(execCommands(`/bin/a ${words}`)?.[0]?.words.length).toBe(100_001);
    expect(process.cpuUsage(began).user).toBeLessThan(5_000_000);
  });
});

it.each([
  ['plain', 'plain'],
  [`'two words'"it's"x`, "two wordsit'sx"],
  ['\\x41\\102\\u00fc\\U0001f30a\\s\\t\\\\\\"\\\'', 'ABü\u{1f30a} \t\\"\''],
  ["'\\x41'", 'A'],
  ['\\d\\;', '\\d\\;'],
  ['\\U00110000', '\ufffd'],
])('unquoted %j', (word, text) => {
  expect(unquoted(word)).toBe(text);
});
