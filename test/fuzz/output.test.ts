/** The app's output, and the regexes of log probes. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { withoutControlSequences } from '../../src/base/control-sequences.ts';
import { lineScanner } from '../../src/probes/log/line-scanner.ts';
import { literalSlashes } from '../../src/probes/log/literal-slashes.ts';
import { requiredText } from '../../src/probes/log/required-text.ts';
import { anyText, bounded, pieces, property, text } from './property.ts';

const bytes = fc.oneof(
  anyText().map((written) => Buffer.from(written)),
  fc.uint8Array().map((written) => Buffer.from(written)),
);
const output = pieces(
  fc.array(bytes, { maxLength: 6 }).map((lines) => Buffer.concat(lines.flatMap((each) => [each, NEWLINE]))),
);
const NEWLINE = Buffer.from('\n');

/** Characters kept of a line without an end, and one that replaces what came before. */
const KEPT = 64 * 1024 + 1;

property('lines: the same wherever the bytes are cut, and bounded', output, ({ whole, pieces: all }) => {
  const scan = lineScanner();
  const lines = all.flatMap((piece) => {
    const { lines: ended, open } = bounded(() => scan(piece));
    expect(open.length).toBeLessThanOrEqual(KEPT + piece.length);
    return ended;
  });
  const ended = new TextDecoder().decode(whole).split('\n').slice(0, -1);
  // a carriage return restarts the line
  const expected = ended.flatMap((line) => line.split('\r'));
  expect(lines.filter(hasText).map(end)).toEqual(expected.filter(hasText).map(end));
});

/** Characters that control sequences begin with, contain, or end with. */
const CONTROLS = [...'\u001b\u009b\u0007\u009c\r\n[]()\\;:?#/ 0am'];

test('lines: bounded for a row of any two control characters', () => {
  const pairs = CONTROLS.flatMap((one) => CONTROLS.map((other) => one + other));
  for (const start of ['', '\u001b', '\u001b[', '\u001b]', '\u009b']) {
    for (const pair of pairs) {
      const written = Buffer.from(`${start}${pair.repeat(50_000)}x\n`);
      bounded(() => lineScanner({ plain: withoutControlSequences })(written));
    }
  }
});

const controls = fc.string({ unit: fc.constantFrom(...CONTROLS), maxLength: 6 });

property('control sequences: bounded, and line ends are kept', anyText(controls), (written) => {
  const scan = lineScanner({ plain: withoutControlSequences });
  bounded(() => scan(Buffer.from(written)));
  const ends = withoutControlSequences(written).replace(/[^\r\n]/g, '');
  expect(ends).toBe(written.replace(/[^\r\n]/g, ''));
});

/** The cuts decide how many empty lines a row of carriage returns gives. */
function hasText(line: string): boolean {
  return line !== '';
}

/** Only the end of a longer line is kept, and the cuts decide how much. */
function end(line: string): string {
  return line.slice(-1000);
}

/** A part of a regex, and a text that matches it. */
interface Part {
  readonly source: string;
  readonly matched: string;
}

/** A special or non-ASCII character, with a backslash. */
const literal = text()
  .map((written) => [...written.replace(/[\w\s\0]/g, '')][0] ?? '-')
  .map((char): Part => ({ source: `\\${char}`, matched: char }));
const word = fc.string({ unit: fc.constantFrom(...'abc -:,'), minLength: 1, maxLength: 6 });
const atom: fc.Arbitrary<Part> = fc.oneof(
  { weight: 4, arbitrary: word.map((written) => ({ source: written, matched: written })) },
  { weight: 2, arbitrary: literal },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Part>(
      { source: '.', matched: 'z' },
      { source: '\\d', matched: '7' },
      { source: '[ab)]', matched: ')' },
      { source: '[^]', matched: 'q' },
      { source: '[\\]x]', matched: ']' },
      { source: '(?:abc|x)', matched: 'x' },
      { source: '(abc(d)?)', matched: 'abc' },
      { source: '(?=)', matched: '' },
      { source: '(?!abc )', matched: '' },
      { source: '^', matched: '' },
      { source: '\\babc', matched: 'abc' },
      { source: 'é', matched: 'é' },
      { source: '/', matched: '/' },
    ),
  },
);
const quantifier = fc.constantFrom<readonly [string, number]>(
  ...([
    ['', 1],
    ['', 1],
    ['', 1],
    ['*', 0],
    ['*', 2],
    ['+', 1],
    ['?', 0],
    ['??', 0],
    ['{0}', 0],
  ] as const),
  ...([
    ['{2}', 2],
    ['{0,1}', 0],
    ['{1,}', 3],
    ['*?', 0],
  ] as const),
);
/** A quantifier applies to the last character. */
const part = fc.tuple(atom, quantifier).map(([{ source, matched }, [written, times]]): Part => {
  const isWord = source === matched && source.length > 1;
  if (written === '' || source === '^' || source.startsWith('(?') || source === '\\babc') return { source, matched };
  const repeated = isWord ? matched.slice(-1) : matched;
  return { source: source + written, matched: (isWord ? matched.slice(0, -1) : '') + repeated.repeat(times) };
});
const regex = fc.array(part, { minLength: 1, maxLength: 6 });
/** With a line that matches it, between others. */
const regexAndOutput = fc.tuple(regex, text(4), text(4)).chain(([parts, before, after]) => {
  const line = before + parts.map(({ matched }) => matched).join('') + after;
  return pieces(fc.constant(Buffer.from(`one\n${line}\ntwo\nthree\n`))).map((cut) => [parts, cut] as const);
});

property('regexes: the prefilter drops no matching line', regexAndOutput, ([parts, cut]) => {
  const pattern = new RegExp(parts.map(({ source }) => source).join(''));
  const required = requiredText(pattern);
  const all = lineScanner()(cut.whole).lines.filter((line) => pattern.test(line));
  if (required !== undefined) for (const line of all) expect(line).toContain(required);
  const scan = lineScanner({ required });
  const found = cut.pieces.flatMap((piece) => scan(piece).lines).filter((line) => pattern.test(line));
  expect(found).toEqual(all);
});

/** The option accepts at most this length. */
const source = anyText().map((written) => written.slice(0, 10_000));

property('regexes: any regex has a required text or none, and a hint of one line', source, (written) => {
  let pattern: RegExp;
  try {
    pattern = new RegExp(written);
  } catch {
    return;
  }
  const required = bounded(() => requiredText(pattern));
  if (required !== undefined && pattern.test(written)) expect(written).toContain(required);
  const hint = bounded(() => literalSlashes('stdout', pattern));
  expect(hint).not.toMatch(/\n./);
});

property('regexes: between slashes, the inner regex matches the same', regex, (parts) => {
  const pattern = new RegExp(`/${parts.map(({ source }) => source).join('')}/`);
  const shown = / write --stdout (.*)$/s.exec(literalSlashes('stdout', pattern))?.[1];
  if (shown === undefined) return;
  const inner = new RegExp(/^'/.test(shown) ? shown.slice(1, -1).replaceAll("'\\''", "'") : shown);
  expect(inner.source).toBe(new RegExp(pattern.source.slice(2, -2)).source);
});
