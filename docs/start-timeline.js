/** One start of a service as a timeline, measured under a real systemd and drawn as SVG. */
import fs from 'node:fs';
import path from 'node:path';
import { bootSystemd, freePort, possibleModes, until } from '../test/helpers/systemd/private-systemd.js';
import { escapeXml } from './xml.js';

const LOAD_MS = 1500;

/** The demo's app: it notes its first instruction, and when it listens, on the clock that systemd's properties have. */
const NOTES = `
  const fs = require('node:fs'), net = require('node:net');
  const note = (what) => fs.appendFileSync(process.env.NOTES, what + ' ' + process.hrtime.bigint() / 1000n + '\\n');
  note('first');
  const { listen } = net.Server.prototype;
  net.Server.prototype.listen = function (...words) {
    this.once('listening', () => note('listening'));
    return listen.apply(this, words);
  };
`;

/**
 * @returns {Promise<Record<'main' | 'first' | 'listening' | 'ready' | 'returned', number>>} ms from `systemctl start`
 * on
 */
export async function measureStart() {
  const mode = ['system', 'session'].find((wanted) => possibleModes().modes.includes(wanted));
  if (!mode) throw new Error('the timeline needs a systemd');
  const systemd = await bootSystemd(mode);
  try {
    return await measureUnder(systemd);
  } finally {
    await systemd.stop();
  }
}

async function measureUnder(systemd) {
  const dir = systemd.makeDir();
  const notes = path.join(dir, 'notes');
  fs.writeFileSync(path.join(dir, 'notes.cjs'), NOTES, { mode: 0o644 });
  const port = await freePort();
  const lines = [
    'Type=notify',
    'NotifyAccess=main',
    'KillMode=mixed',
    `WorkingDirectory=${systemd.repo}`,
    `Environment=NOTES=${notes} LOAD_MS=${LOAD_MS} PORT=${port}`,
    `ExecStart=${systemd.node} bin/sd-ready-wrap.cjs --tcp ${port} -- ${systemd.node} --require ` +
      `${dir}/notes.cjs test/demo/app.js`,
  ];
  systemd.writeUnit('start.service', `[Service]\n${lines.join('\n')}\n`);
  const now = () => Number(process.hrtime.bigint() / 1000n);
  const begin = now();
  const { code, stderr } = await systemd.systemctl('start', systemd.unit('start.service'));
  if (code !== 0) throw new Error(stderr);
  const returned = now();
  const property = async (name) => Number(await systemd.show('start.service', name));
  const text = await until(
    "the app's notes",
    () => /listening/.test(fs.readFileSync(notes, 'utf8')) && fs.readFileSync(notes, 'utf8'),
  );
  const noted = Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(' ')),
  );
  const moments = {
    main: await property('ExecMainStartTimestampMonotonic'),
    first: Number(noted.first),
    listening: Number(noted.listening),
    ready: await property('ActiveEnterTimestampMonotonic'),
    returned,
  };
  return Object.fromEntries(Object.entries(moments).map(([name, at]) => [name, (at - begin) / 1000]));
}

const [LEFT, RIGHT, WIDTH, HEIGHT] = [150, 30, 860, 262];

/** The picture of it, beside a start of which nobody says when it has succeeded. */
export function drawStart({ main, first, listening, ready, returned }) {
  const most = returned * 1.45;
  const x = (ms) => LEFT + (ms / most) * (WIDTH - LEFT - RIGHT);
  const bar = (row, from, to, fill, text = '') => {
    const [y, left, right] = [58 + row * 40, x(from), x(to)];
    const label =
      text &&
      `<text x="${((left + right) / 2).toFixed(1)}" y="${y + 18}" text-anchor="middle" ` +
        `class="in">${escapeXml(text)}</text>`;
    return (
      `<rect x="${left.toFixed(1)}" y="${y}" width="${Math.max(1.5, right - left).toFixed(1)}" ` +
      `height="26" rx="3" fill="${fill}"/>${label}`
    );
  };
  const lane = (row, text) => `<text x="${LEFT - 12}" y="${76 + row * 40}" text-anchor="end">${escapeXml(text)}</text>`;
  const ms = (value) => (value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${Math.round(value)} ms`);
  const ticks = Array.from({ length: Math.floor(most / 500) + 1 }, (_, index) => index * 500).map(
    (at) =>
      `<line x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="50" y2="218" class="grid"/><text ` +
      `x="${x(at).toFixed(1)}" y="236" text-anchor="middle" class="small">${at / 1000} s</text>`,
  );
  const title =
    `A start: the app listens after ${ms(listening)}, READY=1 is in ` +
    `${(ready - listening).toFixed(1)} ms later, systemctl start returns after ${ms(returned)}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" role="img"
 aria-label="${escapeXml(title)}">
<style>text { font: 13px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #24292f } .in { fill: #fff }
.small { font-size: 11px; fill: #57606a } .grid { stroke: #d0d7de } .mark { stroke: #1a7f37; stroke-width: 2 }</style>
<rect width="${WIDTH}" height="${HEIGHT}" rx="8" fill="#ffffff" stroke="#d0d7de"/>
<text x="20" y="28" font-weight="bold">${escapeXml(title)}</text>
${ticks.join('\n')}
${lane(0, 'systemctl start')}${bar(0, 0, returned, '#0969da', 'waits')}
${lane(1, 'sd-ready-wrap')}${bar(1, main, first, '#8c959f')}${bar(1, first, ready, '#8250df', 'asks --tcp')}
${bar(1, ready, most, '#d8b9ff')}
${lane(2, 'the app')}${bar(2, first, listening, '#bf8700', 'starts, loads its data')}
${bar(2, listening, most, '#1a7f37', 'serves')}
${lane(3, 'a fixed wait')}
${bar(3, 0, most, '#cf222e', `the unit counts as started after 10 s, whatever the app does →`)}
<line x1="${x(ready).toFixed(1)}" x2="${x(ready).toFixed(1)}" y1="46" y2="178" class="mark"/>
<text x="${(x(ready) + 6).toFixed(1)}" y="50" class="small">READY=1</text>
<text x="20" y="254" class="small">Measured under a real systemd. The app loads its data for ${LOAD_MS / 1000} s.
Grey: ${ms(first - main)} until its first instruction, the boots of Node for the wrapper and for the app.</text>
</svg>
`;
}
