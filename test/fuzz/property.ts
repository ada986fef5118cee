/** Properties of parsers that hold for any input. fast-check generates the cases from a seed, which is printed. */
import { getHeapStatistics } from 'node:v8';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { KnownError } from '../../src/base/errors.ts';

/** Cases for each property: `npm run fuzz` sets more. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 1000);

/** One seed for all properties in a file. */
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** The time limit of a test for each case, ms. */
const CASE_LIMIT = 60;

/** Number of cases after which the event loop runs: the process must answer its parent, and sockets must close. */
const TURN_AFTER = 100;

export interface PropertyOptions {
  /** How many cases one run of the predicate covers, if it checks many at once. */
  readonly batch?: number;
  /** Runs only one in so many cases, if each starts processes. */
  readonly oneIn?: number;
}

/**
 * A test that `holds` throws for no value.
 * @throws with the seed and the smallest counterexample; FUZZ_SEED=SEED makes the same cases again
 */
export function property<T>(
  name: string,
  values: fc.Arbitrary<T>,
  holds: (value: T) => void | Promise<void>,
  { batch = 1, oneIn = 1 }: PropertyOptions = {},
): void {
  const numRuns = Math.ceil(RUNS / oneIn / batch);
  test(
    name,
    async () => {
      const began = performance.now();
      let count = 0;
      const turning = async (value: T) => {
        count += 1;
        if (count % TURN_AFTER === 0) await new Promise((resolve) => setImmediate(resolve));
        await holds(value);
      };
      await fc.assert(fc.asyncProperty(values, turning), { seed: SEED, numRuns });
      if (process.env['FUZZ_RUNS'] === undefined) return;
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      process.stdout.write(`| ${name} | ${numRuns * batch} | ${seconds} | ${SEED} |\n`);
    },
    RUNS * CASE_LIMIT,
  );
}

/**
 * CPU time that a parser may take for a text of length LONG, ms: a linear one takes a few, a quadratic one half a
 * minute.
 */
const CPU_MAX = 1000;

/** Heap that it may take, bytes. */
const HEAP_MAX = 64 * 1024 * 1024;

/** Calls the parser, which must end soon and take little memory. */
export function bounded<T>(parse: () => T): T {
  const [cpu, heap] = [process.cpuUsage(), getHeapStatistics().used_heap_size];
  const result = parse();
  const { user, system } = process.cpuUsage(cpu);
  if ((user + system) / 1000 > CPU_MAX) throw new Error(`it took ${(user + system) / 1000} ms of the processor`);
  const grown = getHeapStatistics().used_heap_size - heap;
  if (grown > HEAP_MAX) throw new Error(`it took ${grown} bytes of the heap`);
  return result;
}

/** Calls the parser, which may refuse with one line. @returns its result, or undefined if it refused */
export function orRefused<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof KnownError)) throw error;
    if (error.code !== 125) throw new Error(`exit status ${error.code}`);
    assertOneLine(error.message);
    return undefined;
  }
}

/** Suitable for a terminal and a log: no control character, one line, bounded length. */
export function assertOneLine(line: string): void {
  const shown = JSON.stringify(line.slice(0, 500));
  if (/[\p{Cc}\u2028\u2029]/u.test(line)) throw new Error(`a control character in ${shown}`);
  if (line.length > 1000) throw new Error(`${line.length} characters in ${shown}`);
}

/** Text that is special to some parser. */
const MEANINGFUL = [
  ...['\n', '\r', '\r\n', '\0', '\t', ' ', '  ', '\\', '\\\\', "'", '"', '`', '$', '$$', '%', '%i', '%%', '=', ':'],
  ...[',', ';', '#', '/', '//', '@', '[', ']', '(', ')', '{', '}', '*', '+', '?', '.', '|', '^', '-', '--', '<0>', '~'],
  ...[
    '0',
    '1',
    '9',
    '65536',
    'a',
    'Z',
    'SIG',
    'READY=1',
    'STATUS=',
    'infinity',
    'http://',
    '\u001b[31m',
    '\u009b',
    '\u0085',
  ],
  ...['\u2028', '\ufeff', '\ufffd', '\uffff', '\ufdd0', 'ü', '\u{1f30a}', '\u{1ffff}', 'µs', '__proto__', 'toString'],
];

/** Text of any characters, mostly special ones. */
export function text(maxLength = 20): fc.Arbitrary<string> {
  const unit = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...MEANINGFUL) },
    { weight: 2, arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
  );
  return fc.string({ unit, maxLength });
}

/** Length of the long texts. */
const LONG = 100_000;

/** The same, and one in fifty is long: a piece repeated again and again, which is slow for a parser that backtracks. */
export function anyText(piece: fc.Arbitrary<string> = text(6)): fc.Arbitrary<string> {
  const long = fc
    .tuple(piece, piece, piece)
    .map(([start, middle, end]) => start + middle.repeat(LONG / Math.max(1, middle.length)) + end);
  return fc.oneof({ weight: 49, arbitrary: text() }, { weight: 1, arbitrary: long });
}

/** A text cut into pieces, as bytes of UTF-8. */
export function pieces(whole: fc.Arbitrary<Buffer>): fc.Arbitrary<{ whole: Buffer; pieces: readonly Buffer[] }> {
  return fc.tuple(whole, fc.array(fc.oneof(fc.nat(200), fc.nat()), { maxLength: 5 })).map(([bytes, cuts]) => {
    const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
    return { whole: bytes, pieces: ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)) };
  });
}
