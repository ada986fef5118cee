/** A terminal's content as SVG: text with the escape sequences for colours and weights, and lines drawn over. */
import { escapeXml } from './xml.js';

const SIZE = 13;
const WIDTH = 7.83;
const HEIGHT = 18;
const MARGIN = 16;
const BAR = 28;
/** The terminal's: what is longer is cut, as less(1) -S and systemctl do. */
const COLUMNS = 112;

const COLOURS = {
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  36: '#79c0ff',
  37: '#c9d1d9',
};

/**
 * @param {string} output as it came
 * @param {string} title
 */
export function drawTerminal(output, title) {
  const lines = output.trimEnd().split('\n').map(lastDrawn);
  const width = Math.ceil(COLUMNS * WIDTH + 2 * MARGIN);
  const height = lines.length * HEIGHT + BAR + 2 * MARGIN;
  const rows = lines.map((line, index) => {
    const y = BAR + MARGIN + (index + 0.75) * HEIGHT;
    return `<text x="${MARGIN}" y="${y.toFixed(1)}" xml:space="preserve">${spans(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img"
 aria-label="${escapeXml(title)}">
<style>text { font: ${SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace;
fill: #c9d1d9; white-space: pre } .b { font-weight: bold } .d { opacity: .65 }</style>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
<text x="${MARGIN}" y="21" class="d">${escapeXml(title)}</text>
<line x1="0" x2="${width}" y1="${BAR + 2}" y2="${BAR + 2}" stroke="#30363d"/>
${rows.join('\n')}
</svg>
`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences themselves
const SGR = /\u001b\[([\d;]*)m/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: everything else that moves a cursor or names a link
const OTHER = /\u001b\[[\d;?]*[A-LN-Za-ln-z]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g;

/** What a line shows in the end, where it was drawn over. */
function lastDrawn(line) {
  return (line.replace(/\r$/, '').split('\r').at(-1) ?? '').replace(OTHER, '').trimEnd();
}

function spans(line) {
  const parts = line.split(SGR);
  let style = {};
  let drawn = '';
  let room = COLUMNS;
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 1) {
      style = next(style, part);
      continue;
    }
    const characters = [...part];
    const shown = characters.length > room ? [...characters.slice(0, Math.max(0, room - 1)), '…'] : characters;
    if (shown.length > 0 && room > 0) drawn += span(shown.join(''), style);
    room -= characters.length;
  }
  return drawn;
}

function next(style, codes) {
  let { bold, dim, fill } = style;
  for (const code of (codes || '0').split(';')) {
    if (code === '0') [bold, dim, fill] = [false, false, undefined];
    else if (code === '1') bold = true;
    else if (code === '2') dim = true;
    else fill = COLOURS[code] ?? fill;
  }
  return { bold, dim, fill };
}

function span(text, { bold, dim, fill }) {
  const classes = [bold && 'b', dim && 'd'].filter(Boolean).join(' ');
  const attributes = `${classes && ` class="${classes}"`}${fill ? ` style="fill:${fill}"` : ''}`;
  return attributes ? `<tspan${attributes}>${escapeXml(text)}</tspan>` : escapeXml(text);
}
