import { describe, expect, it } from 'vitest';
import { formatDuration, parseTimeSpan } from '../../../src/base/time-span.ts';

const SECOND = 1000;
const DAY = 86_400 * SECOND;

describe('parseTimeSpan', () => {
  // systemd.time(7), "Parsing Time Spans"
  it.each([
    [0.001, ['usec', 'us', '\u00b5s', '\u03bcs']],
    [1, ['msec', 'ms']],
    [SECOND, ['seconds', 'second', 'sec', 's', '']],
    [60 * SECOND, ['minutes', 'minute', 'min', 'm']],
    [3600 * SECOND, ['hours', 'hour', 'hr', 'h']],
    [DAY, ['days', 'day', 'd']],
    [7 * DAY, ['weeks', 'week', 'w']],
    [30.44 * DAY, ['months', 'month', 'M']],
    [365.25 * DAY, ['years', 'year', 'y']],
  ])('a unit of %d ms', (length, units) => {
    for (const unit of units) {
      expect(parseTimeSpan(`3${unit}`), `3${unit}`).toBeCloseTo(3 * length, 6);
      expect(parseTimeSpan(`3 ${unit}`), `3 ${unit}`).toBeCloseTo(3 * length, 6);
    }
  });

  it.each([
    ['90', 90_000],
    ['0', 0],
    ['1min 30s', 90_000],
    ['1min30s', 90_000],
    ['1min 30', 90_000],
    ['2h 5min 3s 7ms', 7_503_007],
    ['2 h', 7_200_000],
    ['55s500ms', 55_500],
    ['30s 1min', 90_000],
    ['1.5s', 1500],
    ['.5s', 500],
    ['0.25min', 15_000],
    ['1m', 60_000],
    ['  90  ', 90_000],
    ['\t1min\t30s\n', 90_000],
    ['infinity', Number.POSITIVE_INFINITY],
    [' infinity ', Number.POSITIVE_INFINITY],
  ])('%j is %d ms', (text, ms) => {
    expect(parseTimeSpan(text)).toBeCloseTo(ms, 6);
  });

  it.each([
    '',
    '   ',
    '5 parsecs',
    'soon',
    's',
    '-5',
    '-1min',
    '5 -1',
    '.',
    '.s',
    '1e3',
    '0x10',
    '1,5s',
    '1:30',
    '5S',
    '5 Min',
    'Infinity',
    '5 infinity',
    'infinity 5s',
    'NaN',
    '5toString',
    'toString',
    '5 constructor',
    '5 __proto__',
    '1min; reboot',
  ])('%j is not a time span', (text) => {
    expect(parseTimeSpan(text)).toBeUndefined();
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0 ms'],
    [0.04, '0 ms'],
    [0.25, '0.3 ms'],
    [9.87, '9.9 ms'],
    [12.3, '12 ms'],
    [999, '999 ms'],
    [1000, '1 s'],
    [1250, '1.25 s'],
    [1500, '1.5 s'],
    [12_340, '12.3 s'],
    [30_000, '30 s'],
    [60_000, '1 min'],
    [90_000, '1 min 30 s'],
    [3_600_000, '1 h'],
    [3_661_000, '1 h 1 min 1 s'],
    [3_605_400, '1 h 5 s'],
    [172_800_000, '48 h'],
    [Number.POSITIVE_INFINITY, 'infinity'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it.each([
    [999.6, '1 s'],
    [59_990, '1 min'],
  ])('%d ms is rounded before its unit is chosen: %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('can be parsed again', () => {
    for (const ms of [7, 250, 1250, 90_000, 3_661_000, Number.POSITIVE_INFINITY]) {
      expect(parseTimeSpan(formatDuration(ms))).toBe(ms);
    }
  });
});
