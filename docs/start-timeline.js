/** One start of a service as a timeline, measured under a real systemd and drawn as SVG. */
import fs from 'node:fs';
import path from 'node:path';
import { bootSystemd, freePort, possibleModes, until } from '../test/helpers/systemd/private-systemd.js';
import { box, fixed, MARGIN, paragraph, picture, text, WIDTH } from './drawing.js';

const LOAD_MS = 1500;

/** Notes when the demo's app runs its first instruction, and when it listens, on the clock of systemd's properties. */
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
 * @returns {Promise<Record<'main' | 'first' | 'listening' | 'ready' | 'returned', number>>} ms since `systemctl start`
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
  const written = await until(
    "the app's notes",
    () => /listening/.test(fs.readFileSync(notes, 'utf8')) && fs.readFileSync(notes, 'utf8'),
  );
  const noted = Object.fromEntries(
    written
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

const LEFT = 142;
const TOP = 92;
const BAR = 28;
const STEP = 38;
const LANES = 4;

/** The measured start, beside one that only waits for a fixed time. */
export function drawStart({ main, first, listening, ready, returned }) {
  const most = returned * 1.45;
  const x = (ms) => LEFT + (ms / most) * (WIDTH - LEFT - MARGIN);
  const bottom = TOP + LANES * STEP;
  const lane = (row, name) => text(LEFT - 12, TOP + row * STEP + 19, name, 'end');
  const bar = (row, from, to, classes, words) =>
    box({ x: x(from), y: TOP + row * STEP, width: Math.max(1.5, x(to) - x(from)), height: BAR, classes }, words);
  const ticks = Array.from({ length: Math.floor(most / 500) + 1 }, (_, index) => index * 500).flatMap((at) => [
    `<path class="group" d="M${fixed(x(at))} ${TOP}V${bottom}"/>`,
    text(x(at), bottom + 16, `${at / 1000} s`, 'middle quiet'),
  ]);
  const found =
    `The app listens after ${duration(listening)}. READY=1 follows ${(ready - listening).toFixed(1)} ms later, ` +
    `systemctl start returns ${(returned - ready).toFixed(1)} ms after that.`;
  const caption =
    `Measured under a real systemd. The app loads its data for ${LOAD_MS / 1000} s. Grey: from the ` +
    `start to the app's first instruction (${duration(first - main)}).`;
  return picture({ title: 'A start under systemd', desc: `${found} ${caption}`, height: bottom + 64 }, [
    text(MARGIN, 32, 'A start under systemd', 'title'),
    text(MARGIN, 54, found),
    ...ticks,
    `<path class="line" d="M${fixed(x(ready))} ${TOP - 14}V${bottom}"/>`,
    text(x(ready) + 6, TOP - 8, 'READY=1', 'quiet'),
    lane(0, 'systemctl start'),
    bar(0, 0, returned, 'blue', ['waits']),
    lane(1, 'sd-ready-wrap'),
    bar(1, main, first, 'plain', []),
    bar(1, first, ready, 'blue', ['polls the port (--tcp)']),
    bar(1, ready, most, 'blue', ['stays']),
    lane(2, 'the app'),
    bar(2, first, listening, 'amber', ['starts, loads its data']),
    bar(2, listening, most, 'green', ['serves']),
    lane(3, 'a fixed wait'),
    bar(3, 0, most, 'red', ['the unit counts as started after 10 s, even if the app is not ready →']),
    ...paragraph(MARGIN, bottom + 44, caption, 'quiet'),
  ]);
}

function duration(ms) {
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${Math.round(ms)} ms`;
}
