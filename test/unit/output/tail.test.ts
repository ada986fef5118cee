import { expect, it } from 'vitest';
import { keepTail } from '../../../src/output/tail.ts';

it.each<[string, string[], string | undefined]>([
  ['nothing', [], undefined],
  ['blank lines', ['\n \n'], undefined],
  ['the last line', ['one\ntwo\n'], 'two'],
  ['without its end', ['one\ntwo'], 'two'],
  [
    'the error above a stack',
    ['Error: listen EACCES\n    at Server.setupError (x)\n\nNode.js v20.20.2\n'],
    'Error: listen EACCES',
  ],
  ['in pieces', ['TypeErr', 'or: x is not a function\nbye\n'], 'TypeError: x is not a function'],
  ['without colours', ['\u001b[31merror\u001b[0m: no such table\n'], 'error: no such table'],
  ['after much else', ['x'.repeat(10_000), '\nError: y\n'], 'Error: y'],
  ['a part of a long line', [`Error: ${'z'.repeat(1000)}`], `Error: ${'z'.repeat(193)}`],
])('%s', (_, pieces, line) => {
  let stopped = false;
  const tail = keepTail((listener) => {
    for (const piece of pieces) listener(Buffer.from(piece));
    return () => {
      stopped = true;
    };
  });
  expect(tail.lastLine()).toBe(line);
  tail.stop();
  expect(stopped).toBe(true);
});
