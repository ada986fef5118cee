/**
 * The parts of the pictures: a frame with its own background, boxes, arrows and text, as SVG. Pure.
 *
 * GitHub shows a picture as <img>, to which the page's colours do not apply. So a picture has its own background, and
 * a style for each colour scheme (https://developer.mozilla.org/en-US/docs/Web/CSS/@media/prefers-color-scheme).
 */
import { escapeXml } from './xml.js';

export const WIDTH = 860;
export const MARGIN = 20;
/** Smaller text is hard to read at the width that GitHub gives a picture. */
const SMALL = 12;
const SIZE = 13;
const LINE = 18;

/** Class: its style in light, and in dark. */
const COLOURS = {
  card: ['fill: #ffffff; stroke: #d0d7de', 'fill: #0d1117; stroke: #3d444d'],
  text: ['fill: #1f2328', 'fill: #f0f6fc'],
  quiet: ['fill: #59636e', 'fill: #9198a1'],
  plain: ['fill: #f6f8fa; stroke: #818b98', 'fill: #151b23; stroke: #656c76'],
  blue: ['fill: #ddf4ff; stroke: #0969da', 'fill: #0c2d5a; stroke: #4493f8'],
  green: ['fill: #dafbe1; stroke: #1a7f37', 'fill: #0f3a1d; stroke: #3fb950'],
  amber: ['fill: #fff8c5; stroke: #9a6700', 'fill: #3a2d00; stroke: #d29922'],
  red: ['fill: #ffebe9; stroke: #cf222e', 'fill: #4a1014; stroke: #f85149'],
  group: ['fill: none; stroke: #818b98', 'fill: none; stroke: #656c76'],
  line: ['fill: none; stroke: #59636e', 'fill: none; stroke: #9198a1'],
  tip: ['fill: #59636e', 'fill: #9198a1'],
};

const SANS = `system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif`;
export const MONO = `ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace`;

const RULES = [
  `text { font: ${SIZE}px ${SANS} }`,
  '.title { font-weight: 600; font-size: 15px }',
  '.bold { font-weight: 600 }',
  `.small, .quiet { font-size: ${SMALL}px }`,
  `.mono { font-family: ${MONO}; font-size: ${SMALL}px }`,
  '.middle { text-anchor: middle }',
  '.end { text-anchor: end }',
  '.group { stroke-dasharray: 5 4 }',
  '.line { stroke-width: 1.5 }',
];

/**
 * @param {Record<string, [string, string]>} [colours] more classes, as in {@link COLOURS}
 * @param {string[]} [rules] more rules, for both colour schemes
 */
export function styleOf(colours = {}, rules = []) {
  const [light, dark] = [0, 1].map((column) =>
    Object.entries({ ...COLOURS, ...colours }).map(
      ([name, both]) => `${name === 'text' ? name : `.${name}`} { ${both[column]} }`,
    ),
  );
  return [...RULES, ...rules, ...light, '@media (prefers-color-scheme: dark) {', ...dark, '}'].join('\n');
}

const TIP = `<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"
 markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>`;

/**
 * @param {{title: string, desc: string, height: number, width?: number, style?: string}} frame a screen reader
 * reads `title` and `desc`
 * @param {string[]} parts
 */
export function picture({ title, desc, height, width = WIDTH, style = styleOf() }, parts) {
  const body = parts.filter(Boolean).join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"
 role="img">
<title>${escapeXml(title)}</title>
<desc>${escapeXml(desc)}</desc>
<style>
${style}
</style>
<rect class="card" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
${body.includes('url(#tip)') ? `${TIP}\n` : ''}${body}
</svg>
`;
}

/** @param {string} line text in backticks is code */
export function text(x, y, line, classes = '') {
  const spans = line
    .split('`')
    .map((part, index) => (index % 2 === 1 ? `<tspan class="mono">${escapeXml(part)}</tspan>` : escapeXml(part)));
  return `<text${classes && ` class="${classes}"`} x="${fixed(x)}" y="${fixed(y)}">${spans.join('')}</text>`;
}

/** Text in lines that fit into the width. */
export function paragraph(x, y, words, classes = '', width = WIDTH - x - MARGIN) {
  const size = /\bquiet|small\b/.test(classes) ? SMALL : SIZE;
  return wrap(words, width, size).map((line, index) => text(x, y + index * LINE, line, classes));
}

/**
 * A box with lines of text in its middle.
 * @param {{x: number, y: number, width: number, height: number, classes?: string}} at
 * @param {(string | [string, string])[]} lines each may have a class
 */
export function box({ x, y, width, height, classes = 'plain' }, lines) {
  const first = y + height / 2 - ((lines.length - 1) * LINE) / 2 + SIZE * 0.36;
  const texts = lines.map((line, index) => {
    const [words, style = ''] = [line].flat();
    return text(x + width / 2, first + index * LINE, words, `middle ${style}`.trim());
  });
  return `<g>
<rect class="${classes}" x="${fixed(x)}" y="${fixed(y)}" width="${fixed(width)}" height="${fixed(height)}" rx="5"/>
${texts.join('\n')}
</g>`;
}

/** A dashed frame with its name at the top. */
export function group({ x, y, width, height }, name) {
  return [
    `<rect class="group" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`,
    text(x + 12, y + 20, name, 'quiet'),
  ].join('\n');
}

/** A line through these points, with a tip at its end. */
export function arrow(...points) {
  const path = points.map((point) => point.map(fixed).join(' ')).join('L');
  return `<path class="line" marker-end="url(#tip)" d="M${path}"/>`;
}

/** Lines of words, none wider than that. */
export function wrap(words, width, size = SIZE) {
  const lines = [''];
  for (const word of words.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (lines.at(-1) !== '' && textWidth(longer, size) > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

/** In em, for DejaVu Sans, which is wider than most system fonts. */
const WIDTHS = [
  [/[ijlIft.,:;'|!()[\]/ -]/, 0.37],
  [/[mwMW@%=+<>→–—]/, 0.9],
  [/[A-Z]/, 0.7],
];

/** How much wider bold text is. */
export const BOLD = 1.13;

/** An estimate, on the wide side. Backticks count as code, as in {@link text}. */
export function textWidth(words, size) {
  const parts = words.split('`').map((part, index) => {
    if (index % 2 === 1) return [...part].length * 0.605;
    const widths = [...part].map((character) => WIDTHS.find(([kind]) => kind.test(character))?.[1] ?? 0.62);
    return widths.reduce((sum, width) => sum + width, 0);
  });
  return parts.reduce((sum, width) => sum + width, 0) * size;
}

export function fixed(value) {
  return Number(value.toFixed(1));
}
