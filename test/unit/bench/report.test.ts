/** The result of a benchmark run: its table, its picture, its command line, its waves. */
import { describe, expect, test } from 'vitest';
import { choose, parse } from '../../../bench/command-line.js';
import { deploysTable } from '../../../bench/deploys-table.js';
import { figure, missing } from '../../../bench/figures.js';
import { svg } from '../../../bench/picture.js';
import { barsOf, LOADS, nameOf, WAYS } from '../../../bench/rows/deploys.js';
import { table } from '../../../bench/table.js';
import { waves } from '../../../bench/waves.js';

const CONDITIONS = {
  ...{ date: '2026-11-23', version: '1.2.3', node: '20.0.0', kernel: '6.1', cpu: '2 x CPU' },
  load: { before: 0.5, after: 1 },
};
const ROWS = [
  { name: 'ready', title: 'from ready to READY=1', parts: ['tcp', 'ipc', 'wait-on'] },
  { name: 'rest', title: 'at rest', parts: ['tcp', 'handoff'] },
  { name: 'relay', title: 'relay' },
].map((row) => ({ ...row, runs: { full: {}, quick: {} }, run: async () => [] }));

test('the table: one block per row, in columns, and missing values by name', () => {
  const over = figure('--tcp', 'ms', [4], { goals: { median: 6, p99: 20 } });
  const figures = [
    { row: 'ready', ...over },
    { row: 'ready', ...figure('wait-on', 'ms', [100, 120], { over }) },
    { row: 'ready', ...missing('pm2', 'not installed: pm2') },
    { row: 'relay', ...figure('cat', 'GB/s', [2.7518]) },
  ];
  const shown = ROWS.filter(({ name }) => name !== 'rest');
  expect(table(CONDITIONS, shown, figures)).toBe(`sd-ready-wrap 1.2.3, Node 20.0.0, Linux 6.1, 2 x CPU, 2026-11-23
load average 0.50 before, 1.00 after (this bench is part of it)

from ready to READY=1
           n  median  p99   min   max  unit  ratio  goal
  --tcp    1       4          4     4  ms           <= 6 met, p99 <= 20 not measured
  wait-on  2     110        100   120  ms    27.5x
  pm2: not installed: pm2

relay
           n  median  p99   min   max  unit  ratio  goal
  cat      1    2.75       2.75  2.75  GB/s
`);
});

describe('the picture', () => {
  const bars = [
    { label: 'ours & <others>', value: 2, ours: true },
    { label: 'theirs', value: 200, text: '200 ms, late', ours: false },
  ];
  const rects = (picture: string) =>
    [...picture.matchAll(/class="(ours|theirs)".* width="([\d.]+)"/g)].map(([, whose, width]) => [
      whose,
      Number(width),
    ]);

  test('has a bar for each value, in proportion', () => {
    const drawn = rects(svg([{ title: 'A', unit: 'ms', bars }], 'here'));
    expect(drawn.map(([whose]) => whose)).toEqual(['ours', 'theirs']);
    expect(Number(drawn[1]?.[1]) / Number(drawn[0]?.[1])).toBeCloseTo(100, -1);
    expect(drawn[1]?.[1]).toBeLessThan(700);
  });

  test('marks the powers of ten on a logarithmic scale', () => {
    const picture = svg([{ title: 'A', unit: 'ms', log: true, bars }], 'here');
    for (const mark of ['1 ms', '10 ms', '100 ms', '1000 ms']) expect(picture).toContain(`>${mark}<`);
    // from 1 to 1000
    const [[, ours], [, theirs]] = rects(picture) as [[string, number], [string, number]];
    expect(theirs / ours).toBeCloseTo(Math.log10(200) / Math.log10(2), 1);
  });

  test('shows text unchanged, and values of 0 too', () => {
    const picture = svg([{ title: 'A', bars: [...bars, { label: 'none', value: 0, ours: true }] }], 'here');
    expect(picture).toContain('>ours &amp; &lt;others&gt;</text>');
    expect(picture).toContain('>200 ms, late</text>');
    expect(rects(picture)[2]?.[1]).toBeGreaterThan(0);
  });

  test('can be drawn if all values are 0', () => {
    expect(svg([{ title: 'A', bars: [{ label: 'none', value: 0, ours: true }] }], 'here')).not.toContain('NaN');
  });
});

describe('the arguments of the command line', () => {
  const chosen = (...words: string[]) =>
    choose(ROWS, parse(words, ROWS).words).map(({ row, parts }) => `${row.name} ${parts.join(' ')}`.trim());

  test('none: everything', () => {
    expect(chosen()).toEqual(['ready tcp ipc wait-on', 'rest tcp handoff', 'relay']);
  });

  test('a row', () => {
    expect(chosen('relay')).toEqual(['relay']);
  });

  test('a part: every row with it', () => {
    expect(chosen('tcp')).toEqual(['ready tcp', 'rest tcp']);
  });

  test('a row and a part', () => {
    expect(chosen('ready', 'wait-on', 'tcp')).toEqual(['ready tcp wait-on']);
  });

  test('switches and files', () => {
    expect(parse(['--quick', '--json', 'a', '--svg', 'b', '--check', 'relay'], ROWS)).toEqual({
      ...{ quick: true, check: true, json: 'a', svg: 'b', words: ['relay'] },
    });
  });
});

describe('waves', () => {
  const start = (name: string, boot: number, waiting: number) => ({ name, boot, waiting, measure: async () => {} });
  const packed = (starts: ReturnType<typeof start>[], delay: number) =>
    waves(starts, delay, 40).map((wave) => wave.map(({ name }) => name).join(''));

  test('all units of a wave have booted before the first is ready', () => {
    const starts = ['a', 'b', 'c', 'd', 'e'].map((name) => start(name, 100, 0));
    expect(packed(starts, 200)).toEqual(['ab', 'cd', 'e']);
  });

  test('waiting units leave the machine to the measured ones', () => {
    expect(packed([start('a', 1, 30), start('b', 1, 20), start('c', 1, 10), start('d', 1, 40)], 200)).toEqual([
      ...['a', 'bc', 'd'],
    ]);
  });

  test('a unit that is too big for any wave is alone', () => {
    expect(packed([start('a', 500, 0), start('b', 1, 90), start('c', 1, 1)], 200)).toEqual(['a', 'b', 'c']);
  });
});

test('the table of deploys: a line for each load and way, with the least and the most of all rounds', () => {
  const [way] = WAYS;
  const [load] = LOADS;
  const named = (what: string) => nameOf(way, load, what);
  const figures = [
    figure(named('refused'), 'of 612', [251, 263]),
    figure(named('failed'), 'of 612', [0, 0]),
    figure(named('longest answer'), 's', [0.03, 0.031]),
    figure(named('the deploy'), 's', [1.5]),
  ];
  expect(deploysTable(figures)).toBe(`| requests | deploy | refused | failed | longest answer |
| --- | --- | --- | --- | --- |
| 50/s, new connections | restart | 251 to 263 of 612 | 0 | 0.03 s |
`);
  expect(barsOf(figures, '50/s, new connections')).toEqual([
    { label: 'restart', value: 257, text: '257 lost, 0.03 s', ours: false },
  ]);
  expect(deploysTable([])).toBe('');
});
