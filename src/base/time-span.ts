/** Time spans as systemd writes them: `90`, `500ms`, `1min 30s` (systemd.time(7), "Parsing Time Spans"). */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The units of systemd.time(7) in ms. As there, a month has 30.44 days, a year 365.25. */
const UNITS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    'usec us μs µs': 0.001,
    'msec ms': 1,
    'seconds second sec s': SECOND,
    'minutes minute min m': MINUTE,
    'hours hour hr h': HOUR,
    'days day d': DAY,
    'weeks week w': 7 * DAY,
    'months month M': 30.44 * DAY,
    'years year y': 365.25 * DAY,
  }).flatMap(([names, length]) => names.split(' ').map((name) => [name, length] as const)),
);

/**
 * @param text `90` (seconds), `500ms`, `1.5s`, `1min 30s`, `infinity`
 * @returns ms, `Infinity` for `infinity`; undefined if the text is not a time span
 */
export function parseTimeSpan(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === 'infinity') return Number.POSITIVE_INFINITY;
  if (trimmed === '') return undefined;
  let total = 0;
  let rest = trimmed;
  while (rest !== '') {
    const part = /^(\d+(?:\.\d+)?|\.\d+)\s*([a-zA-Z\u03bc\u00b5]*)\s*/.exec(rest);
    if (!part) return undefined;
    const length = part[2] === '' ? SECOND : UNITS.get(part[2] as string);
    if (length === undefined) return undefined;
    total += Number(part[1]) * length;
    rest = rest.slice(part[0].length);
    // `1.5.5`: a number directly after a number
    if (part[2] === '' && rest !== '' && !/\s$/.test(part[0])) return undefined;
  }
  // systemd counts µs in 64 bits; the highest value means infinity
  return total * 1000 < 2 ** 64 ? total : undefined;
}

/** For people, from ms, with at most three digits: `12 ms`, `1.25 s`, `1 min 30 s`. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return 'infinity';
  const wholeMs = ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms);
  if (wholeMs < SECOND) return `${wholeMs} ms`;
  const inSeconds = Number((ms / SECOND).toFixed(ms < 10 * SECOND ? 2 : 1));
  if (inSeconds < 60) return `${inSeconds} s`;
  const seconds = Math.round(ms / SECOND);
  const units: [number, string][] = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'min'],
    [seconds % 60, 's'],
  ];
  return units
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(' ');
}
