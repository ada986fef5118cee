import { expect, it } from 'vitest';
import { assignmentsIn } from '../../../src/unit/syntax.ts';

const read = (text: string) => assignmentsIn(text).map(({ section, name, value }) => `${section}/${name}=${value}`);

it.each([
  ['sections', 'A=0\n[Unit]\nA=1\n[Service]\nB=2\n[X-Own]\nC=3', ['/A=0', 'Unit/A=1', 'Service/B=2', 'X-Own/C=3']],
  ['white space', '  [Service] \n\t A \t=  x  y \t\nB=\n', ['Service/A=x  y', 'Service/B=']],
  ['a no-break space does not count', 'A=\u00a0x\u00a0', ['/A=\u00a0x\u00a0']],
  ['comments', '#A=1\n ;A=2\n\t#A=3\nA=4 # is not one', ['/A=4 # is not one']],
  ['continued lines', 'A=1 \\\n  2 \\\n3\nB=4', ['/A=1    2  3', '/B=4']],
  ['comments between them', 'A=1 \\\n# no\n  ; no\n2\nB=3', ['/A=1  2', '/B=3']],
  ['a blank line ends it', 'A=1 \\\n\nB=2', ['/A=1', '/B=2']],
  ['an escaped backslash does not continue the line', 'A=1\\\\\nB=2', ['/A=1\\\\', '/B=2']],
  ['three backslashes do', 'A=1\\\\\\\nB=2', ['/A=1\\\\ B=2']],
  ['the end of the file', 'A=1 \\', ['/A=1']],
  [
    'all ends of lines',
    '\ufeff[Service]\r\nA=1 \\\r\n 2\rB=3\n\rC=4\0D=5',
    [...['Service/A=1   2', 'Service/B=3', 'Service/C=4', 'Service/D=5']],
  ],
  ['no assignment', '[Service\nx\n=y\nA==b=c', ['/A==b=c']],
])('%s', (_, text, expected) => {
  expect(read(text)).toEqual(expected);
});
