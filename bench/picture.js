/** The figures as a picture: bars in panels, as SVG. Pure. */
import { BOLD, fixed, MARGIN, paragraph, picture, styleOf, text, textWidth, WIDTH, wrap } from '../docs/drawing.js';
import { round } from './figures.js';

/**
 * @typedef {object} Bar
 * @property {string} label
 * @property {number} value
 * @property {string} [text] the text after the bar; the value and its unit if not given
 * @property {boolean} ours
 *
 * @typedef {object} Picture a row's panel
 * @property {string} title
 * @property {string} [unit]
 * @property {boolean} [log] each step to the right is ten times as much
 * @property {(figures: import('./figures.js').Figure[]) => Bar[]} bars
 */

/** A panel that several rows add to. */
export const COSTS = 'What it costs: the ratio to the same without the wrapper';

/** Where the longest bar ends; the text after it needs the rest. */
const RIGHT = 700;
const BAR = 14;
const STEP = 22;
/** A line of a panel's title, and its scale. */
const HEAD = 20;
const SCALE = 14;
const FOOT = 16;
/** Makes a value of 0 visible. */
const LEAST = 1.5;

const STYLE = styleOf(
  {
    value: ['stroke: #ffffff', 'stroke: #0d1117'],
    ours: ['fill: #0969da', 'fill: #4493f8'],
    theirs: ['fill: #8c959f', 'fill: #656c76'],
    grid: ['stroke: #d8dee4', 'stroke: #2a313a'],
  },
  // the outline hides the grid around the letters
  ['.value { paint-order: stroke; stroke-width: 4px }', '.bar { font-size: 12px }'],
);

/**
 * @param {{title: string, unit?: string, log?: boolean, bars: Bar[]}[]} panels
 * @param {string} caption where and when it was measured
 */
export function svg(panels, caption, title = 'sd-ready-wrap, measured') {
  const labels = panels.flatMap(({ bars }) => bars.map(({ label }) => label));
  const left = Math.round(MARGIN + 8 + Math.max(...labels.map((label) => textWidth(label, 12))));
  let y = MARGIN;
  const parts = panels.flatMap((panel) => {
    const drawn = draw(panel, left, y);
    y += headOf(panel) + panel.bars.length * STEP + FOOT;
    return drawn;
  });
  const desc = `Bars: ${panels.map((panel) => panel.title).join('; ')}. ${caption}`;
  return picture({ title, desc, height: y + MARGIN, style: STYLE }, [
    ...parts,
    ...paragraph(MARGIN, y + 6, caption, 'quiet'),
  ]);
}

const titleOf = ({ title }) => wrap(title, WIDTH - 2 * MARGIN, 13 * BOLD);

function headOf(panel) {
  return titleOf(panel).length * HEAD + (panel.log ? SCALE : 0);
}

function draw(panel, left, top) {
  const { unit = '', log = false, bars } = panel;
  const { at, marks } = log ? logarithmic(bars, left) : linear(bars, left);
  const head = top + headOf(panel);
  const bottom = head + bars.length * STEP;
  return [
    ...titleOf(panel).map((line, index) => text(MARGIN, top + 12 + index * HEAD, line, 'bold')),
    ...marks.flatMap((mark) => [
      `<path class="grid" d="M${fixed(at(mark))} ${head - 6}V${bottom}"/>`,
      text(at(mark) + 3, head - 6, `${round(mark)} ${unit}`, 'quiet'),
    ]),
    ...bars.flatMap(({ label, value, text: after, ours }, index) => {
      const y = head + index * STEP + (STEP - BAR) / 2;
      const width = Math.max(LEAST, at(value) - left);
      const classes = ours ? 'ours' : 'theirs';
      return [
        text(left - 8, y + BAR - 3, label, 'bar end'),
        `<rect class="${classes}" x="${left}" y="${y}" width="${fixed(width)}" height="${BAR}" rx="2"/>`,
        text(left + width + 6, y + BAR - 3, after ?? `${round(value)} ${unit}`.trim(), 'bar value'),
      ];
    }),
  ];
}

function linear(bars, left) {
  const most = Math.max(...bars.map(({ value }) => value)) || 1;
  return { at: (value) => left + (value / most) * (RIGHT - left), marks: [] };
}

/** From the power of ten below the least value to the one above the greatest, with a mark at each. */
function logarithmic(bars, left) {
  const values = bars.map(({ value }) => Math.log10(value));
  const [from, to] = [Math.floor(Math.min(...values)), Math.ceil(Math.max(...values))];
  const at = (value) => left + ((Math.log10(value) - from) / (to - from)) * (RIGHT - left);
  return { at, marks: Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index)) };
}
