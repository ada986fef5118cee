import { expect, it } from 'vitest';
import { withoutControlSequences } from '../../../src/base/control-sequences.ts';

it.each([
  ['no sequence', 'up\n', 'up\n'],
  ['colours', '\u001b[1;31mup\u001b[0m\u001b[m', 'up'],
  ['colours with colons', '\u001b[38:2::1:2:3mup\u001b[0m', 'up'],
  ['the one-character CSI', '\u009b32mup', 'up'],
  ['a cursor', '\u001b[?25l\u001b[2K\u001b[1Gup\u001b[?25h', 'up'],
  ['an intermediate character', '\u001b[2 qup', 'up'],
  ['a hyperlink, ended by BEL', 'see \u001b]8;;http://x/?a=1#b\u0007docs\u001b]8;;\u0007', 'see docs'],
  ['a hyperlink, ended by ST', 'see \u001b]8;;http://x\u001b\\docs\u001b]8;;\u009c', 'see docs'],
  ['a title with blanks', '\u001b]0;my app\u0007up', 'up'],
  ['a character set', '\u001b(Bup\u001b7\u001b8', 'up'],
  ['an unfinished title keeps the next line', '\u001b]0;my\nup\u0007', '0;my\nup\u0007'],
  ['an unfinished colour', 'up\u001b[3', 'up3'],
  ['ESC alone', 'up\u001b', 'up\u001b'],
  ['ESC before a line end', 'up\u001b\nand', 'up\u001b\nand'],
])('%s', (_, text, expected) => {
  expect(withoutControlSequences(text)).toBe(expected);
});
