/** What clients see of a deploy: an open loop of requests while each way to deploy replaces the app. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { installedNode } from '../../test/helpers/nodes.js';
import { freePort, REPOSITORY } from '../../test/helpers/systemd/private-systemd.js';
import { swapUnits } from '../../test/helpers/systemd/swap-units.js';
import { figure, median, missing, round } from '../figures.js';
import { now, PROGRAMS, sleep, WRAPPER } from '../lab.js';
import { cluster } from '../peers/pm2.js';
import { withSystemd } from '../units.js';

const APP = path.join(PROGRAMS, 'deploys-app.cjs');
const SWAP = path.join(REPOSITORY, 'systemd-units/swap.sh');

/** How long the app loads before it listens, and how long an answer takes, ms. */
const LOAD_MS = 1000;
const ANSWER_MS = 20;
/** How long requests run before the deploy and after it, ms. */
const AROUND = 1000;
/** How long systemd and PM2 wait for an app to end, s; the examples have 30. */
const STOP_LIMIT = 5;

const COMMON = [`Environment=LOAD_MS=${LOAD_MS} ANSWER_MS=${ANSWER_MS}`, `TimeoutStopSec=${STOP_LIMIT}s`];

export const LOADS = [50, 200].flatMap((rate) =>
  ['new connections', 'keep-alive'].map((kind) => ({ rate, kind, name: `${rate}/s, ${kind}` })),
);

/**
 * Each `start` starts the app on that port and returns a function that deploys it once, and one that ends it.
 * @type {{id: string, name: string, ours?: boolean, lacks?: string, start: (units: import('../units.js').Units, port:
 * number) => Promise<{deploy: () => Promise<void>, stop: () => Promise<void>}>}[]}
 */
export const WAYS = [
  { id: 'restart', name: 'restart', start: restarted },
  { id: 'swap', name: 'swap.sh', ours: true, start: (units, port) => swapped(units, port, 'swap', []) },
  {
    id: 'swap-close',
    name: 'swap.sh, Connection: close',
    ours: true,
    start: (units, port) => swapped(units, port, 'closing', ['Environment=CLOSE=1']),
  },
  { id: 'activated', name: 'restart, socket-activated', start: activated },
  { id: 'cluster', name: 'pm2 reload, cluster of 2', lacks: cluster.lacks, start: reloaded },
  {
    id: 'reuse-port',
    name: 'two instances, SO_REUSEPORT (Node 24)',
    lacks: installedNode('24') ? '' : 'not installed: Node 24',
    start: sharedPort,
  },
];

/** @type {import('../rows.js').Row} */
export const deploys = {
  name: 'deploys',
  title: `deploys of an app that loads for ${LOAD_MS / 1000} s, under requests that take ${ANSWER_MS} ms`,
  parts: WAYS.map(({ id }) => id),
  runs: { full: { rounds: 5 }, quick: { rounds: 1 } },
  picture: {
    title: 'Requests lost during one deploy, at 200/s on new connections, and the longest answer',
    bars: (figures) => barsOf(figures, '200/s, new connections'),
  },
  run: (lab, { rounds, parts }) =>
    withSystemd(
      ['system', 'session'],
      async (units) => {
        const chosen = WAYS.filter(({ id }) => parts.includes(id));
        const ways = chosen.filter(({ lacks }) => !lacks);
        const samples = new Map(ways.map((way) => [way, new Map(LOADS.map((load) => [load, []]))]));
        for (let round = 1; round <= rounds; round += 1) {
          for (const way of ways) {
            lab.progress(`deploys, round ${round} of ${rounds}: ${way.name}`);
            await measure(units, way, samples.get(way));
          }
        }
        return [
          ...ways.flatMap((way) => figuresOf(way, samples.get(way))),
          ...chosen.filter(({ lacks }) => lacks).map(({ name, lacks }) => missing(name, lacks)),
        ];
      },
      (why) => [missing('all', why)],
    ),
};

/** One deploy under each load. */
async function measure(units, way, samples) {
  const port = await freePort();
  const app = await way.start(units, port);
  try {
    for (const [load, found] of samples) found.push(await under(load, port, app.deploy));
  } finally {
    await app.stop();
  }
}

/** @returns {Promise<import('../../test/helpers/load.js').Outcome & {took: number}>} `took`: the deploy's time, s */
async function under({ rate, kind }, port, deploy) {
  const words = [path.join(PROGRAMS, 'load.js'), String(port), String(rate), ...(kind === 'keep-alive' ? [kind] : [])];
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
  });
  await sleep(AROUND);
  const began = now();
  await deploy();
  const took = (now() - began) / 1000;
  await sleep(AROUND);
  child.stdin.end();
  await once(child, 'close');
  return { ...JSON.parse(output), took };
}

/** The name of a figure. */
export const nameOf = (way, load, what) => `${way.name}, ${load.name}: ${what}`;

function figuresOf(way, samples) {
  return [...samples].flatMap(([load, found]) => {
    const of = `of ${Math.round(median(found.map(({ sent }) => sent)))}`;
    const goals = way.ours ? { goals: { max: 0 } } : {};
    return [
      figure(
        nameOf(way, load, 'refused'),
        of,
        found.map(({ refused }) => refused),
        goals,
      ),
      figure(
        nameOf(way, load, 'failed'),
        of,
        found.map(({ failed }) => failed),
      ),
      figure(
        nameOf(way, load, 'longest answer'),
        's',
        found.map(({ longest }) => longest / 1000),
      ),
      figure(
        nameOf(way, load, 'the deploy'),
        's',
        found.map(({ took }) => took),
      ),
    ];
  });
}

/** For the picture: the requests that were refused or failed, and after the bar also the longest answer. */
export function barsOf(figures, loadName) {
  const load = LOADS.find(({ name }) => name === loadName);
  return WAYS.flatMap((way) => {
    const of = (what) => figures.find(({ name }) => name === nameOf(way, load, what))?.median;
    if (of('longest answer') === undefined) return [];
    const lost = of('refused') + of('failed');
    const text = `${round(lost)} lost, ${round(of('longest answer'))} s`;
    return [{ label: way.name, value: lost, text, ours: way.ours === true }];
  });
}

const UNIT = ['Type=notify', 'NotifyAccess=main', ...COMMON];

async function restarted(units, port) {
  await units.define('deploy-restart', [
    ...UNIT,
    'Environment=PORT=%i',
    `ExecStart=${WRAPPER} --tcp %i -- ${process.execPath} ${APP}`,
  ]);
  const unit = [`deploy-restart@${port}.service`];
  await units.order('start', unit);
  return { deploy: () => units.order('restart', unit), stop: () => units.order('stop', unit) };
}

async function swapped({ systemd }, port, plain, lines) {
  const fileOf = (unit) => unit.replace('swap', plain);
  for (const unit of ['swap.socket', 'swap@.service']) systemd.writeUnit(fileOf(unit), '');
  const name = systemd.unit(`${plain}.socket`).replace('.socket', '');
  const units = swapUnits({
    ...{ name, port, wrapper: WRAPPER, command: `${process.execPath} ${APP}`, takesSockets: false },
    lines: [...COMMON, 'Environment=LISTEN=fd', ...lines],
  });
  for (const [unit, text] of units) systemd.writeUnit(fileOf(unit), text);
  await must(systemd.systemctl('daemon-reload'));
  const deploy = () => must(systemd.run('sh', [SWAP, ...systemd.flags, `${name}@`]));
  await deploy();
  return {
    deploy,
    stop: async () => {
      await must(systemd.systemctl('stop', `${name}.socket`));
      await systemd.systemctl('disable', `${name}@a.service`, `${name}@b.service`);
    },
  };
}

async function activated({ systemd }, port) {
  const [socket, service] = ['deploy-activated.socket', 'deploy-activated.service'];
  systemd.writeUnit(socket, `[Socket]\nListenStream=127.0.0.1:${port}\n`);
  const exec = `ExecStart=${WRAPPER} --http http://127.0.0.1:${port}/ -- ${process.execPath} ${APP}`;
  const lines = ['[Service]', 'KillMode=mixed', ...UNIT, 'Environment=LISTEN=fd', exec, ''];
  systemd.writeUnit(service, lines.join('\n'));
  await must(systemd.systemctl('daemon-reload'));
  await must(systemd.systemctl('start', socket, service));
  return {
    deploy: () => must(systemd.systemctl('restart', service)),
    stop: () => must(systemd.systemctl('stop', socket, service)),
  };
}

function reloaded(_, port) {
  const env = { PORT: String(port), LOAD_MS: String(LOAD_MS), ANSWER_MS: String(ANSWER_MS) };
  return cluster.start(APP, env, STOP_LIMIT);
}

async function sharedPort(units, port) {
  await units.define('deploy-shared', [
    ...UNIT,
    `Environment=PORT=${port} LISTEN=reuse-port`,
    `ExecStart=${WRAPPER} --http http://127.0.0.1:${port}/ -- ${installedNode('24')} ${APP}`,
  ]);
  let [old, next] = ['a', 'b'].map((instance) => [`deploy-shared@${instance}.service`]);
  await units.order('start', old);
  return {
    async deploy() {
      await units.order('start', next);
      await units.order('stop', old);
      [old, next] = [next, old];
    },
    stop: () => units.order('stop', [...old, ...next]),
  };
}

async function must(ordered) {
  const { code, stderr } = await ordered;
  if (code !== 0) throw new Error(stderr.trim());
}
