/** Input from operators: options, variables, their values and lists. */
import { constants } from 'node:os';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { notFound } from '../../src/base/not-found.ts';
import { formatDuration, parseTimeSpan } from '../../src/base/time-span.ts';
import { readCommandLine } from '../../src/options/command-line.ts';
import { buildConfig, type Config } from '../../src/options/config.ts';
import { modeOf } from '../../src/options/mode.ts';
import { readPlainLine } from '../../src/options/plain-line.ts';
import type { RawOptions } from '../../src/options/raw.ts';
import { OPTION_TABLE, type OptionName } from '../../src/options/table.ts';
import { optionsFromEnvironment, variableOf } from '../../src/options/variables.ts';
import { optionWords } from '../../src/options/words.ts';
import { parseUnitName, unitNameFrom } from '../../src/print-unit/name.ts';
import type { ProbeSpec } from '../../src/probes/spec.ts';
import { parseRewrite } from '../../src/signals/signals.ts';
import { anyText, bounded, orRefused, property, text } from './property.ts';

const UNITS = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };
const part = fc.tuple(fc.nat(10_000), fc.constantFrom(...(Object.keys(UNITS) as (keyof typeof UNITS)[])));
const blank = fc.constantFrom('', ' ', '\t', '  ');

property('time spans: the sum of their parts', fc.array(fc.tuple(part, blank, blank), { minLength: 1 }), (parts) => {
  const written = parts.map(([[count, unit], before, after]) => `${count}${before}${unit}${after}`).join('');
  const sum = parts.reduce((total, [[count, unit]]) => total + count * UNITS[unit], 0);
  expect(parseTimeSpan(written)).toBeCloseTo(sum, 3);
});

property(
  'time spans: any text is valid or not',
  fc.oneof(anyText(), anyText(fc.stringMatching(/^[\d. smh]*$/))),
  (span) => {
    const ms = bounded(() => parseTimeSpan(span));
    if (ms === undefined) return;
    expect(ms).toBeGreaterThanOrEqual(0);
    expect(span).toMatch(/^\s*(infinity|[\d.]+.*)\s*$/s);
  },
);

/** Below this number of ms, by how much the printed text may differ. */
const PRECISION = [
  [10, 0.05],
  [1000, 0.5],
  [10_000, 5],
  [60_000, 50],
  [Infinity, 500],
] as const;

property('durations: the printed text is a time span near it', fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
  const off = PRECISION.find(([limit]) => ms < limit)?.[1] ?? 0;
  expect(Math.abs((parseTimeSpan(formatDuration(ms)) ?? Infinity) - ms)).toBeLessThanOrEqual(off + 1e-6);
});

const listed = fc.array(fc.tuple(fc.integer({ min: 100, max: 599 }), fc.nat(600)), { minLength: 1 });

property('lists: --http-status gives its ranges', listed, (pairs) => {
  const ranges = pairs.map(([from, more]) => ({ from, to: Math.min(599, from + more) }));
  const list = ranges.map(({ from, to }) => (from === to ? `${from}` : `${from} - ${to}`)).join(', ');
  expect(probesOf({ http: 'http://[::1]/', 'http-status': list })).toMatchObject([{ statuses: ranges }]);
});

const address = fc.tuple(fc.constantFrom('', 'localhost:', '[::1]:', '127.0.0.1:'), fc.nat(100_000));

property('--tcp: a valid port, or refused', address, ([host, port]) => {
  const [spec] = orRefused(() => probesOf({ tcp: `${host}${port}` })) ?? [];
  expect(spec && 'port' in spec && spec.port).toBe(port > 0 && port < 65_536 ? port : undefined);
});

const header = fc.tuple(fc.constantFrom('Host:', 'X-a: ', 'Not a:', ''), anyText(), fc.constantFrom('', '\r\nX: y'));

property('--http-header: one field of one line, or refused', header, (parts) => {
  const options = { http: 'http://[::1]/', 'http-header': parts.join('') };
  const probes = bounded(() => orRefused(() => probesOf(options)));
  for (const spec of probes ?? []) assertSendable(spec);
});

property('--rewrite-signal: two signals, or the reason for the refusal', fc.oneof(anyText(), signalPair()), (pair) => {
  const found = bounded(() => parseRewrite(pair));
  if (typeof found === 'string') return;
  const [from, to = '0'] = found;
  expect(to === '0' || (to in constants.signals && to !== 'SIGCHLD')).toBe(true);
  expect(parseRewrite(`${from}:${to}`.toLowerCase())).toEqual(found);
});

property('unit names: a name or the reason for the refusal, and a name for each path', anyText(), (name) => {
  const found = bounded(() => parseUnitName(name));
  if (typeof found !== 'string') expect(`${found.name}.service`).toMatch(/^[\w:.\\-]+@?\.service$/);
  const made = bounded(() => unitNameFrom(name));
  expect(parseUnitName(`${made.name}.service`)).toEqual(made);
});

property('a command that is not found: a hint', fc.array(anyText(), { maxLength: 3 }), (words) => {
  bounded(() => notFound(words[0] ?? '', words.slice(1)));
});

const OPTIONS = OPTION_TABLE as readonly { name: OptionName; value?: string; example?: string }[];
const option = fc.constantFrom(...OPTIONS);
// made once: that takes longer than to generate a text from it
const [short, any] = [text(3), anyText()];
/** A valid value, one with an error in it, or any text. */
const value = option.chain(({ value: shown = '', example = 'yes' }) =>
  fc.oneof(
    fc.constantFrom(example, ...shown.split('|')),
    fc.tuple(fc.nat(example.length), short).map(([at, put]) => example.slice(0, at) + put + example.slice(at)),
    any,
  ),
);
const fitting = option.chain((row) =>
  fc.tuple(
    fc.constant(row),
    row.value === undefined ? fc.constant('yes') : fc.constantFrom(row.example ?? 'x', ...row.value.split('|')),
  ),
);
const word = fc.oneof(
  option.map(({ name }) => `--${name}`),
  fc.tuple(option, value).map(([{ name }, written]) => `--${name}=${written}`),
  fc.constantFrom('--', '-h', '--help', '--version', '-v', 'node', 'app.js', 'npm', 'start', 'sh', '-c'),
  value,
);
const argv = fc.oneof(
  fc.array(word, { maxLength: 8 }),
  fc
    .array(fitting, { maxLength: 5 })
    .map((all) => [
      ...all.flatMap(([{ name, value: shown }, written]) => (shown ? [`--${name}`, written] : [`--${name}`])),
      ...['--', 'node', 'app.js'],
    ]),
  fc
    .array(fitting, { maxLength: 5 })
    .map((all) => [...all.map(([row, written]) => `--${row.name}=${written}`), 'node']),
);

property('the command line: a configuration, or one line', argv, (words) => {
  const invocation = bounded(() => orRefused(() => readCommandLine(words, '1.2.3')));
  if (invocation?.type !== 'run') return;
  expect(words.slice(words.length - invocation.words.length)).toEqual(invocation.words);
  const config = bounded(() => orRefused(() => configOf(invocation.options, invocation.words)));
  if (config) assertRight(config);
});

property('the command line: the fast path agrees with commander', argv, (words) => {
  const plain = bounded(() => readPlainLine(words));
  if (plain) expect(readCommandLine(words, '1.2.3')).toEqual({ type: 'run', ...plain });
});

const variables = fc.array(
  fc.tuple(
    fc.oneof(
      option.map(({ name }) => variableOf(name)),
      text(5).map(variableOf),
      text(5),
    ),
    value,
  ),
);

property('variables: a configuration, or one line', variables, (pairs) => {
  const env = Object.fromEntries(pairs);
  const raw = bounded(() => orRefused(() => optionsFromEnvironment(env)));
  if (!raw) return;
  const config = bounded(() => orRefused(() => configOf(raw, ['node', 'app.js'])));
  if (config) assertRight(config);
});

property('options: the same from variables as from the command line', fc.array(fitting, { maxLength: 4 }), (pairs) => {
  const env = Object.fromEntries(pairs.map(([{ name }, written]) => [variableOf(name), written]));
  const given = orRefused(() => optionsFromEnvironment(env));
  const config = given && orRefused(() => buildConfig(given, ['node', 'app.js']));
  if (!given || !config) return;
  const { words, variables: rest } = optionWords(given, config.probes);
  expect(rest).toEqual([]);
  const again = readCommandLine([...words, '--', 'node', 'app.js'], '1.2.3');
  if (again.type !== 'run') throw new Error(again.type);
  expect(shown(buildConfig(again.options, again.words))).toEqual(shown(config));
});

function configOf(raw: RawOptions, words: readonly string[]): Config {
  modeOf(raw);
  return buildConfig(raw, words);
}

/** Each later operation of a probe works: no exception comes after this. */
function assertRight({ command, probes, timing, timeout }: Config): void {
  expect(command).not.toBe('');
  for (const ms of [timing.initialDelay, timing.interval ?? 0, timeout]) expect(ms).toBeGreaterThanOrEqual(0);
  for (const spec of probes) {
    if ('port' in spec) expect(spec.port).toBeLessThan(65_536);
    assertSendable(spec);
  }
}

function assertSendable(spec: ProbeSpec): void {
  if (spec.kind !== 'http') return;
  decodeURIComponent(spec.url.username);
  decodeURIComponent(spec.url.password);
  for (const [name, text] of spec.headers) expect(`${name}: ${text}`).toMatch(/^[!-~]+: [\t -~\x80-\xff]*$/);
}

/** Without the place where it was given. */
function shown(config: Config): unknown {
  return { ...config, probes: config.probes.map((spec) => ({ ...spec, written: '' })) };
}

function probesOf(options: Partial<Record<OptionName, string>>): readonly ProbeSpec[] {
  const raw = Object.entries(options).map(([name, written]) => [name, [{ place: `--${name}`, text: written }]]);
  return buildConfig(Object.fromEntries(raw), ['node']).probes;
}

function signalPair(): fc.Arbitrary<string> {
  const name = fc.constantFrom('TERM', 'sigterm', 'QUIT', '0', 'KILL', 'SIGSIGTERM', 'CHLD', '');
  return fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join(':'));
}
