/** Many services started at once on one systemd, wrapped and direct. */
import fs from 'node:fs';
import { freePort, until } from '../../test/helpers/systemd/private-systemd.js';
import { figure, missing } from '../figures.js';
import { APP, now, WRAPPER } from '../lab.js';
import { COSTS } from '../picture.js';
import { withSystemd } from '../units.js';

/** Relative to the apps alone. */
const GOAL = { most: 2.5, accepted: 3.6, why: 'it is the CPU of a start, see the row cpu' };

/** @type {import('../rows.js').Row} */
export const scale = {
  name: 'scale',
  title:
    'services started at once on one systemd, bare Node apps, until all are ready; the ratio is to the same ' +
    'ones direct',
  runs: { full: { services: 100, rounds: 3 }, quick: { services: 20, rounds: 1 } },
  picture: {
    title: COSTS,
    bars: (figures) =>
      figures
        .filter(({ ratio }) => ratio !== undefined)
        .map(({ name, ratio }) => ({ label: `${name.split(',')[0]} at once, over direct`, value: ratio, ours: true })),
  },
  run: (lab, { services, rounds }) =>
    withSystemd(
      ['system', 'session'],
      async (units) => {
        const ports = new Set();
        while (ports.size < services) ports.add(await freePort());
        const { node } = units.systemd;
        const dir = units.makeDir();
        const app = `${node} ${APP} ${dir}/%i tcp 0 %i`;
        await units.define('scale-direct', ['Type=exec', `ExecStart=${app}`]);
        await units.define('scale-wrapped', ['Type=notify', `ExecStart=${WRAPPER} --tcp %i -- ${app}`]);
        const took = { direct: [], wrapped: [] };
        const unready = [];
        for (let round = 0; round < rounds; round += 1) {
          for (const kind of Object.keys(took)) {
            lab.progress(`${services} services at once, ${kind}, round ${round + 1} of ${rounds}`);
            const found = await startAll(units, `scale-${kind}`, [...ports], dir);
            took[kind].push(found.took / 1000);
            if (kind === 'wrapped') unready.push(services - found.ready);
          }
        }
        const direct = figure(`${services} direct, until the last app listens`, 's', took.direct);
        return [
          direct,
          figure(`${services} wrapped, until systemctl start is back`, 's', took.wrapped, {
            over: direct,
            goals: { ratio: GOAL },
          }),
          figure(`of ${services} wrapped, not active then`, `of ${services}`, unready, { goals: { max: 0 } }),
        ];
      },
      (why) => [missing('all', why)],
    ),
};

/** @returns {Promise<{took: number, ready: number}>} ms until all were ready, and how many were active by then */
async function startAll(units, name, ports, dir) {
  for (const port of ports) fs.rmSync(`${dir}/${port}`, { force: true });
  const batch = ports.map((port) => `${name}@${port}.service`);
  const began = now();
  await units.order('start', batch);
  const back = now();
  const moment = (port) => Number(fs.readFileSync(`${dir}/${port}`, 'utf8'));
  await until('all apps to listen', () => ports.every(moment), 60_000);
  // direct starts: systemctl returns before the apps listen
  const last = Math.max(back, ...ports.map(moment));
  const ready = await units.active(name);
  await units.order('stop', batch);
  return { took: last - began, ready };
}
