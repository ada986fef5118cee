import { describe, expect, it } from 'vitest';
import { environmentWord, execPath, execWord, settingPath, settingText } from '../../../src/print-unit/quoting.ts';

const PLAIN = { template: false };
const TEMPLATE = { template: true };

describe('a word of ExecStart=', () => {
  it.each([
    ['server.js', 'server.js'],
    ['', "''"],
    ['a b', "'a b'"],
    [';', "';'"],
    ['\\;', "'\\\\;'"],
    ['50%', '50%%'],
    ['%i', '%%i'],
    ['$HOME', '$$HOME'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: systemd's own
    ['${HOME}', "'$${HOME}'"],
    ['$$', '$$$$'],
    ["it's", '"it\'s"'],
    ['say "hi"', '\'say "hi"\''],
    [`it's "x"`, `"it's \\"x\\""`],
    ['\\n', "'\\\\n'"],
    ['two\nlines\t\r', "'two\\nlines\\t\\r'"],
    ['\x01\x7f', "'\\x01\\x7f'"],
    ['\u{1f30a}', "'\u{1f30a}'"],
    ['end\\', "'end\\\\'"],
  ])('%j', (text, written) => {
    expect(execWord(text, PLAIN)).toBe(written);
  });

  it.each([
    ['300%i', '300%i'],
    ['%I', '%I'],
    ['%n and %i', "'%%n and %i'"],
    ['%', '%%'],
  ])('%j in a template', (text, written) => {
    expect(execWord(text, TEMPLATE)).toBe(written);
  });
});

it('the first word does not accept $ and some other characters', () => {
  expect(execPath('/opt/a b/$x 5%', PLAIN)).toBe("'/opt/a b/$x 5%%'");
  for (const path of ['/opt/"', "/opt/'", '/opt/\\', '/opt/\n']) expect(execPath(path, PLAIN)).toBeUndefined();
});

it('a variable is quoted as a whole, and keeps its $', () => {
  expect(environmentWord('A', '$b "c" %\n', PLAIN)).toBe('\'A=$b "c" %%\\n\'');
});

it('a path in a setting is unchanged, except for line ends', () => {
  expect(settingPath("/srv/it's $5 %", PLAIN)).toBe("/srv/it's $5 %%");
  for (const path of ['/srv/a ', '/srv/a\\', '/srv/\n']) expect(settingPath(path, PLAIN)).toBeUndefined();
});

it('text is one line of limited length', () => {
  expect(settingText('a\nb  c 5%\\', 20, PLAIN)).toBe('a b c 5%%');
  expect(settingText('abcdef', 3, PLAIN)).toBe('abc…');
});
