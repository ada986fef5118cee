/** A terminal's content as SVG, from its output: with colours and weights, and with lines that overwrite others. */
import { MONO, picture, text } from './drawing.js';
import { escapeXml } from './xml.js';

const SIZE = 13;
const WIDTH = 7.83;
const HEIGHT = 18;
const MARGIN = 16;
const BAR = 28;
/** Longer lines are cut, as less(1) -S and systemctl do. */
const COLUMNS = 112;

const COLOURS = {
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  36: '#79c0ff',
  37: '#c9d1d9',
};

/** Dark in both colour schemes, as most terminals are. */
const STYLE = [
  `text { font: ${SIZE}px ${MONO}; fill: #c9d1d9; white-space: pre }`,
  '.card { fill: #0d1117; stroke: #30363d }',
  '.b { font-weight: bold }',
  '.d { fill: #8b949e }',
  ...Object.entries(COLOURS).map(([code, colour]) => `.c${code} { fill: ${colour} }`),
].join('\n');

/**
 * @param {string} output with its escape sequences
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
  const desc = `A terminal: ${lines.map((line) => line.replace(SGR, '')).join('\n')}`;
  return picture({ title, desc, height, width, style: STYLE }, [
    text(MARGIN, 21, title, 'd'),
    `<path d="M0 ${BAR + 2}H${width}" stroke="#30363d"/>`,
    ...rows,
  ]);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences themselves
const SGR = /\u001b\[([\d;]*)m/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: everything else that moves a cursor or names a link
const OTHER = /\u001b\[[\d;?]*[A-LN-Za-ln-z]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g;

/** What a line shows in the end, if it was overwritten. */
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
  let { bold, dim, colour } = style;
  for (const code of (codes || '0').split(';')) {
    if (code === '0') [bold, dim, colour] = [false, false, undefined];
    else if (code === '1') bold = true;
    else if (code === '2') dim = true;
    else if (COLOURS[code]) colour = code;
  }
  return { bold, dim, colour };
}

function span(words, { bold, dim, colour }) {
  const classes = [bold && 'b', dim && 'd', colour && `c${colour}`].filter(Boolean).join(' ');
  return classes ? `<tspan class="${classes}">${escapeXml(words)}</tspan>` : escapeXml(words);
}
