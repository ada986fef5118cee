/**
 * The figures as a picture, an SVG written by hand. Pure. It brings its own background and asks whether that is to be
 * light or dark, so it can be read on any page.
 */
import { escapeXml } from '../docs/xml.js';
import { round } from './figures.js';

/**
 * @typedef {object} Bar
 * @property {string} label
 * @property {number} value
 * @property {string} [text] what stands behind the bar; the value and its unit if not given
 * @property {boolean} ours
 *
 * @typedef {object} Picture what a row shows of itself
 * @property {string} title
 * @property {string} [unit]
 * @property {boolean} [log] each step to the right is ten times as much
 * @property {(figures: import('./figures.js').Figure[]) => Bar[]} bars
 */

/** A panel that several rows add to. */
export const COSTS = 'What it costs: times what it is without the wrapper';

const WIDTH = 860;
const MARGIN = 20;
/** Where the longest bar ends; what stands behind it needs the rest. */
const RIGHT = 700;
/** A little more than a letter is wide. */
const LETTER = 6.8;
const BAR = 14;
const STEP = 22;
/** Above the bars of a panel, and above those of one that has a scale. */
const HEAD = 20;
const HEAD_WITH_SCALE = 34;
const FOOT = 16;
/** A value of 0 is to be seen as well. */
const LEAST = 1.5;

const STYLE = `
    .card { fill: #ffffff; stroke: #d0d7de }
    text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
    .title { font-weight: 600; font-size: 13px }
    .quiet { fill: #59636e; font-size: 11px }
    .label { text-anchor: end }
    .value { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
    .ours { fill: #0969da }
    .theirs { fill: #aab4be }
    .grid { stroke: #d8dee4 }
    @media (prefers-color-scheme: dark) {
      .card { fill: #0d1117; stroke: #3d444d }
      text { fill: #f0f6fc }
      .value { stroke: #0d1117 }
      .quiet { fill: #9198a1 }
      .ours { fill: #4493f8 }
      .theirs { fill: #59636e }
      .grid { stroke: #2a313a }
    }`;

/**
 * @param {{title: string, unit?: string, log?: boolean, bars: Bar[]}[]} panels
 * @param {string} caption where and when it was measured
 */
export function svg(panels, caption) {
  const longest = Math.max(...panels.flatMap(({ bars }) => bars.map(({ label }) => label.length)));
  const left = Math.round(MARGIN + longest * LETTER);
  let y = MARGIN;
  const parts = panels.map((panel) => {
    const drawn = draw(panel, left, y);
    y += headOf(panel) + panel.bars.length * STEP + FOOT;
    return drawn;
  });
  const height = y + MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"
  role="img">
  <title>sd-ready-wrap, measured</title>
  <style>${STYLE}
  </style>
  <rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>
${parts.join('\n')}
  <text class="quiet" x="${MARGIN}" y="${height - 14}">${escapeXml(caption)}</text>
</svg>
`;
}

function headOf({ log }) {
  return log ? HEAD_WITH_SCALE : HEAD;
}

function draw({ title, unit = '', log = false, bars }, left, top) {
  const { at, marks } = log ? logarithmic(bars, left) : linear(bars, left);
  const head = top + headOf({ log });
  const bottom = head + bars.length * STEP;
  const grid = marks.map(
    (mark) =>
      `  <path class="grid" d="M${fixed(at(mark))} ${head - 6}V${bottom}"/>
  <text class="quiet" x="${fixed(at(mark) + 3)}" y="${head - 6}">${escapeXml(`${round(mark)} ${unit}`)}</text>`,
  );
  const lines = bars.map(({ label, value, text, ours }, index) => {
    const y = head + index * STEP + (STEP - BAR) / 2;
    const width = Math.max(LEAST, at(value) - left);
    const said = text ?? `${round(value)} ${unit}`.trim();
    return `  <text class="label" x="${left - 8}" y="${y + BAR - 3}">${escapeXml(label)}</text>
  <rect class="${ours ? 'ours' : 'theirs'}" x="${left}" y="${y}" width="${fixed(width)}" height="${BAR}" rx="2"/>
  <text class="value" x="${fixed(left + width + 6)}" y="${y + BAR - 3}">${escapeXml(said)}</text>`;
  });
  return [`  <text class="title" x="${MARGIN}" y="${top + 12}">${escapeXml(title)}</text>`, ...grid, ...lines].join(
    '\n',
  );
}

function linear(bars, left) {
  const most = Math.max(...bars.map(({ value }) => value)) || 1;
  return { at: (value) => left + (value / most) * (RIGHT - left), marks: [] };
}

/** From the power of ten below the least to that above the most, with a mark at each. */
function logarithmic(bars, left) {
  const values = bars.map(({ value }) => Math.log10(value));
  const [from, to] = [Math.floor(Math.min(...values)), Math.ceil(Math.max(...values))];
  const at = (value) => left + ((Math.log10(value) - from) / (to - from)) * (RIGHT - left);
  return { at, marks: Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index)) };
}

function fixed(value) {
  return Number(value.toFixed(1));
}
