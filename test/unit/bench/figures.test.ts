import { describe, expect, test } from 'vitest';
import { figure, median, missing, regressions, round, verdict, wanted } from '../../../bench/figures.js';

const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

describe('figure', () => {
  test('has the median, the extremes and the 99th percentile by nearest rank', () => {
    expect(figure('x', 'ms', hundred)).toMatchObject({ n: 100, median: 50.5, p99: 99, min: 1, max: 100 });
  });

  test('has no 99th percentile below 100 samples', () => {
    expect(figure('x', 'ms', hundred.slice(1)).p99).toBeUndefined();
  });

  test('gives a ratio to the median of another figure', () => {
    const over = figure('direct', 'ms', [1, 2, 3]);
    expect(figure('x', 'ms', [3, 5, 7], { over })).toMatchObject({ ratio: 2.5, over: 'direct' });
    expect(figure('x', 'ms', [3], { over: figure('nothing', 'ms', [0]) })).not.toHaveProperty('ratio');
  });
});

test.each([
  [[3], 3],
  [[4, 1], 2.5],
  [[9, 1, 2], 2],
])('the median of %j is %d', (samples, middle) => {
  expect(median(samples)).toBe(middle);
});

describe('a goal', () => {
  const goal = { of: 'median', most: 10, margin: 0.25 } as const;
  test.each([
    [10, 'met'],
    [10.1, 'within margin'],
    [12.5, 'within margin'],
    [12.6, 'MISSED'],
  ])('<= 10 with a margin of a quarter, and %d: %s', (value, said) => {
    expect(verdict(figure('x', 'ms', [value]), goal)).toBe(said);
  });

  test.each([
    [250, 'met'],
    [190, 'within margin'],
    [187, 'MISSED'],
  ])('>= 250 with a margin of a quarter, and %d: %s', (value, said) => {
    const found = figure('x', 'MB/s', [value], { goals: { median: { least: 250 } } });
    expect(found.goals).toEqual([{ of: 'median', least: 250, margin: 0.25 }]);
    expect(verdict(found, { of: 'median', least: 250, margin: 0.25 })).toBe(said);
    expect(wanted({ of: 'median', least: 250, margin: 0.25 })).toBe('>= 250');
  });

  test.each([
    [1.8, 'within margin'],
    [2, 'missed by design'],
    [2.5, 'missed by design'],
    [2.6, 'MISSED'],
  ])('that is out of reach, with 1.5 wanted and 2.5 accepted, and %d: %s', (value, said) => {
    const found = figure('x', '', [value], { goals: { median: { most: 1.5, accepted: 2.5, why: 'the boot' } } });
    const [goal] = found.goals;
    expect(goal && verdict(found, goal)).toBe(said);
    expect(regressions([{ ...found, row: 'row' }]).length).toBe(said === 'MISSED' ? 1 : 0);
  });

  test('of 0 has no margin', () => {
    const none = figure('lost', 'of 500', [0], { goals: { max: 0 } });
    const one = figure('lost', 'of 500', [1], { goals: { max: 0 } });
    const most = { of: 'max', most: 0, margin: 0.25 } as const;
    expect([none, one].map(({ goals }) => goals)).toEqual([[most], [most]]);
    expect([none, one].map((found) => verdict(found, most))).toEqual(['met', 'MISSED']);
  });

  test('for a percentile that needs more samples is not measured, and fails nothing', () => {
    const found = figure('x', 'ms', [1000], { goals: { p99: 10 } });
    expect(verdict(found, { of: 'p99', most: 10, margin: 0.25 })).toBe('not measured');
    expect(regressions([{ row: 'ready', ...found }])).toEqual([]);
  });
});

test('gives a regression as a sentence for each goal that was missed by more than its margin', () => {
  const figures = [
    { row: 'ready', ...figure('--tcp', 'ms', hundred, { goals: { median: 45, p99: 20 } }) },
    { row: 'ready', ...figure('--ipc', 'ms', [1], { goals: { median: 2 } }) },
    { row: 'ready', ...missing('pm2', 'not installed') },
  ];
  expect(regressions(figures)).toEqual(['ready: --tcp: 99, and the goal is p99 <= 20, with a margin of 25 %']);
});

test.each([
  [1.234, '1.23'],
  [12.34, '12.3'],
  [1234.5, '1235'],
  [0, '0'],
])('%d is shown as %s', (value, shown) => {
  expect(round(value)).toBe(shown);
});
