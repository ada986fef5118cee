import { describe, expect, it } from 'vitest';
import { readPlainLine } from '../../../src/options/plain-line.ts';

describe('readPlainLine', () => {
  it.each([
    [[], {}, []],
    [['node', '--tcp', '1', '--', 'x'], {}, ['node', '--tcp', '1', '--', 'x']],
    [['--', '--help'], {}, ['--help']],
    [['-', 'x'], {}, ['-', 'x']],
    [[''], {}, ['']],
    [['--tcp', '1', '--tcp=2', '--', 'a'], { tcp: ['1', '2'] }, ['a']],
    [['--timeout', '1s', '--timeout', '-1', 'a'], { timeout: ['-1'] }, ['a']],
    [['--stdout', '=--\n', '--ipc', 'a'], { stdout: ['=--\n'], ipc: [true] }, ['a']],
    [['--stdout=a=b\nc', 'a'], { stdout: ['a=b\nc'] }, ['a']],
  ])('%j', (argv, options, words) => {
    const found = readPlainLine(argv);
    expect(found?.words).toEqual(words);
    const texts = Object.entries(found?.options ?? {}).map(([name, values]) => [name, values?.map(({ text }) => text)]);
    expect(Object.fromEntries(texts)).toEqual(options);
  });

  it.each([
    ['--help'],
    ['-h'],
    ['--version'],
    ['--tcp'],
    ['--tcp='],
    ['--tcp', ''],
    ['--tcp', '--'],
    ['--tcp', '--ipc', 'a'],
    ['--tcp=--ipc', 'a'],
    ['--ipc=yes', 'a'],
    ['--tpc', '1'],
    ['--=x'],
    ['-1'],
    ['--tcp', '1', '--help'],
  ])('leaves %s %s to commander', (...argv) => {
    expect(readPlainLine(argv.filter((word) => word !== undefined))).toBeUndefined();
  });
});
