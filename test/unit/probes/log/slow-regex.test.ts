import { describe, expect, it } from 'vitest';
import { anyMatches } from '../../../../src/probes/log/bounded-regex.ts';

/** CPU time that a scan may take for each 64 KB of output, ms. */
const LIMIT = 50;

/** CPU time of this process, ms. */
function spent(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function alternatives(make: (number: number) => string): string {
  return Array.from({ length: 5000 }, (_, number) => make(number)).join('|');
}

describe('64 KB of output against a slow regex', () => {
  it.each([
    ['alternatives', alternatives((number) => `service${number} is listening`), 'service is listening '],
    ['alternatives that end alike', alternatives((number) => `${number}ready`), '123456789'],
    ['alternatives that begin with a class', alternatives((number) => `[ab]${number}`), 'ab'],
    ['alternatives that begin with anything', alternatives((number) => `.${number}q`), 'ab1'],
    ['classes', '[a-z][a-z][a-z][a-z][0-9]', 'abcd'],
  ])('%s', (_, source, text) => {
    const regex = new RegExp(source);
    const line = text.repeat(Math.ceil((64 * 1024) / text.length)).slice(0, 64 * 1024);
    // the context of the limit, and the regex, are made once
    anyMatches(/(x)+/, ['']);
    anyMatches(regex, ['']);
    // the thread of the limit takes CPU time too
    expect(spent(() => anyMatches(regex, [line]))).toBeLessThan(LIMIT + 25);
  });
});
