/** A rolling restart: one instance after another; each gets a request the moment that it counts as ready. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { freePort, REPOSITORY } from '../../test/helpers/systemd/private-systemd.js';
import { figure, missing, round } from '../figures.js';
import { now, PROGRAMS, sleep, WRAPPER } from '../lab.js';
import { inPackages } from '../peers/find.js';
import { withSystemd } from '../units.js';

const GOAL = 1.15;
const MARGIN = 0.1;
/** How long the app loads before it serves, ms; as in the demo. */
const LOAD_MS = 1500;
const FIXED_WAIT = 10_000;

const APP = `${process.execPath} ${path.join(REPOSITORY, 'test/demo/app.js')}`;
const SD_NOTIFY = 'test/fixtures/sd-notify/node_modules/sd-notify/build/Release/notify.node';
const waitOn = inPackages('wait-on/bin/wait-on');

const FAILED = (name) => `${name}: first requests that failed`;

/**
 * The ways to know that an instance is ready: the unit, and what follows `systemctl restart`. The others are compared
 * with the first, as nothing can be faster than an app that reports its own readiness.
 */
const WAYS = [
  {
    name: "the app's own sd_notify (npm sd-notify)",
    id: 'own',
    lacks: fs.existsSync(path.join(REPOSITORY, SD_NOTIFY)) ? '' : 'not compiled: npm sd-notify',
    unit: ['Type=notify', `ExecStart=${process.execPath} ${path.join(PROGRAMS, 'app-with-sd-notify.mjs')}`],
  },
  {
    name: 'sd-ready-wrap --tcp',
    id: 'wrapped',
    goals: { ratio: GOAL },
    unit: ['Type=notify', `ExecStart=${WRAPPER} --tcp %i -- ${APP}`],
  },
  {
    name: 'Type=simple, then wait-on',
    id: 'wait-on',
    lacks: waitOn ? '' : 'not installed: wait-on',
    unit: ['Type=simple', `ExecStart=${APP}`],
    async after(port) {
      const command = [waitOn, '--timeout', '60s', `tcp:127.0.0.1:${port}`];
      const [code] = await once(spawn(process.execPath, command, { stdio: 'ignore' }), 'exit');
      if (code !== 0) throw new Error(`wait-on: exit code ${code}`);
    },
  },
  { name: 'Type=simple, then nothing', id: 'nothing', unit: ['Type=simple', `ExecStart=${APP}`] },
  {
    name: `Type=simple, then ${FIXED_WAIT / 1000} seconds`,
    id: 'fixed',
    // the same each time
    once: true,
    unit: ['Type=simple', `ExecStart=${APP}`],
    after: () => sleep(FIXED_WAIT),
  },
];

/** @type {import('../rows.js').Row} */
export const rolling = {
  name: 'rolling',
  title: `rolling restart under a real systemd of a fastify app that loads for ${LOAD_MS / 1000} s`,
  runs: { full: { instances: 10, rounds: 3 }, quick: { instances: 1, rounds: 1 } },
  picture: {
    title: 'Rolling restart of an app that needs 1.5 s, and how many first requests failed',
    bars: (figures) =>
      figures
        .filter(({ unit }) => unit === 's')
        .map(({ name, median }) => {
          const failed = figures.find((each) => each.name === FAILED(name));
          const text = `${round(median)} s, ${round(failed.max)} ${failed.unit} failed`;
          return { label: name, value: median, text, ours: name.startsWith('sd-ready-wrap') };
        }),
  },
  run: (lab, { instances, rounds }) =>
    withSystemd(
      ['system', 'session'],
      async (units) => {
        const ways = WAYS.filter(({ lacks }) => !lacks);
        const fleets = [];
        for (const way of ways) fleets.push(await Fleet.start(units, way, instances));
        for (let round = 0; round < rounds; round += 1) {
          lab.progress(`rolling restart, round ${round + 1} of ${rounds}`);
          const restarted = fleets.filter(({ way }) => round === 0 || !way.once);
          for (const fleet of restarted) fleet.begin();
          // an instance of each in turn, so that a busy moment of the machine hits all alike
          for (let instance = 0; instance < instances; instance += 1) {
            for (const fleet of restarted) await fleet.restart(instance);
          }
        }
        const absent = WAYS.filter(({ lacks }) => lacks);
        return [...figures(fleets, instances), ...absent.map(({ name, lacks }) => missing(name, lacks))];
      },
      (why) => [missing('all', why)],
    ),
};

/** The instances of one way. */
class Fleet {
  /** For each round: how long its restarts took, s, and how many first requests failed. */
  totals = [];
  failed = [];

  static async start(units, way, instances) {
    const fleet = new Fleet();
    fleet.units = units;
    fleet.way = way;
    fleet.ports = await Promise.all(Array.from({ length: instances }, freePort));
    await units.define(`rolling-${way.id}`, [`Environment=PORT=%i LOAD_MS=${LOAD_MS}`, ...way.unit]);
    await units.order(
      'start',
      fleet.ports.map((port) => fleet.unit(port)),
    );
    return fleet;
  }

  unit(port) {
    return `rolling-${this.way.id}@${port}.service`;
  }

  begin() {
    this.totals.push(0);
    this.failed.push(0);
  }

  async restart(instance) {
    const port = this.ports[instance];
    const began = now();
    await this.units.order('restart', [this.unit(port)]);
    await this.way.after?.(port);
    this.totals[this.totals.length - 1] += (now() - began) / 1000;
    if ((await firstRequest(port)) !== 200) this.failed[this.failed.length - 1] += 1;
  }
}

function figures(fleets, instances) {
  const own = fleets.find(({ way }) => way.id === 'own');
  const over = own && figure(own.way.name, 's', own.totals);
  return fleets.flatMap(({ way, totals, failed }) => [
    figure(way.name, 's', totals, way.id === 'own' ? {} : { over, goals: way.goals, margin: MARGIN }),
    figure(FAILED(way.name), `of ${instances}`, failed, way.goals && { goals: { max: 0 } }),
  ]);
}

/** @returns {Promise<number | undefined>} the status, if an answer comes */
function firstRequest(port) {
  return new Promise((resolve) => {
    const request = http.get({ host: '127.0.0.1', port, agent: false, timeout: 5000 });
    request.once('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.once('timeout', () => request.destroy());
    request.once('close', () => resolve(undefined)).on('error', () => {});
  });
}
