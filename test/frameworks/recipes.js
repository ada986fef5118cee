/** The recipes of docs/frameworks.md: the app and the pitfall of each. The page has the units. */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { startLoad } from '../helpers/load.js';
import { until } from '../helpers/systemd/private-systemd.js';
import { run } from '../release/tools.js';

/**
 * @typedef {object} Recipe
 * @property {string} label of its block on the page
 * @property {string} [app] its folder in apps/. Default: the label
 * @property {string} [package] whose version is in the table of the page. Default: the label; '' for Node and npm
 * @property {() => void} [install] a program that npm does not have
 * @property {(unit: Unit) => Promise<unknown>} [before] starts what the app needs
 * @property {boolean} [listens] false: it has no port
 * @property {RegExp} [firstLine] in the log after the start of an app without a port
 * @property {(unit: Unit) => Promise<() => unknown>} [clients] connects clients that stay while the unit stops, and
 * returns how to end them. Default: requests over connections that are kept open
 * @property {RegExp} [lastLine] in the log after the stop
 * @property {boolean} [cutsOff] true: it does not finish the requests in progress
 * @property {boolean} [takesSockets] false: --take-sockets is refused
 * @property {Pitfall} [pitfall]
 *
 * @typedef {object} Pitfall
 * @property {[string | RegExp, string]} change to the unit
 * @property {string} result of the unit at the end: systemd.service(5), "Result="
 * @property {RegExp} [log] matches the log
 * @property {RegExp} [lacks] does not match the log
 *
 * @typedef {import('./unit.js').Unit} Unit
 */

const environment = (line) => [/^Environment=/m, `Environment=${line}\n$&`];
const SHORT_STOP = '\nTimeoutStopSec=2s';
const BUSY_CLIENTS = {
  change: [/^Environment=/m, `Environment=WITHOUT_CLOSE=1${SHORT_STOP}\n$&`],
  result: 'timeout',
};
const CODE_143 = { change: ['SuccessExitStatus=143', ''], result: 'exit-code', log: /add SuccessExitStatus=143/ };

/** A client that opens a connection for each request. */
const shortConnections = async ({ port }) => {
  const load = startLoad({ port, rate: 100 });
  return () => load.stop();
};

/** Not Debian's redis-server, which would start a daemon. This program of redis-tools is Redis under another name. */
const REDIS = '/usr/bin/redis-check-rdb';

function installRedis() {
  if (fs.existsSync(REDIS)) return;
  run('apt-get', ['update', '-q']);
  run('apt-get', ['install', '-qy', '--no-install-recommends', 'redis-tools']);
}

async function startRedis({ systemd, port }) {
  const name = `redis-${port}.service`;
  const command = `@${REDIS} redis-server --port ${port} --bind 127.0.0.1 --save ""`;
  systemd.writeUnit(name, `[Service]\nExecStart=${command}\nWorkingDirectory=/tmp\n`);
  await systemd.systemctl('start', name);
}

async function addJob(unit) {
  const { Queue } = createRequire(path.join(unit.place, 'worker.js'))('bullmq');
  const queue = new Queue('mails', { connection: { host: '127.0.0.1', port: unit.port } });
  await queue.add('mail', { to: 'ada' });
  await until('the job to begin', () => unit.log().includes('mail to ada begun'));
  return () => queue.close();
}

/** @type {readonly Recipe[]} */
export const RECIPES = [
  { label: 'express', pitfall: BUSY_CLIENTS },
  { label: 'koa', pitfall: BUSY_CLIENTS },
  {
    label: 'fastify',
    pitfall: {
      change: ['--tcp 3000', '--timeout 3s --tcp 127.0.0.2:3000'],
      result: 'exit-code',
      log: /listens on 127\.0\.0\.1/,
    },
  },
  {
    label: 'hono',
    package: '@hono/node-server',
    pitfall: { change: ['server.js', 'app.js'], result: 'protocol', log: /exited with code 0/ },
  },
  {
    label: 'nest',
    package: '@nestjs/core',
    lastLine: /^jobs saved$/m,
    pitfall: { change: environment('WITHOUT_HOOKS=1'), result: 'success', lacks: /jobs saved/ },
  },
  {
    label: 'socketio',
    package: 'socket.io',
    clients: async ({ port, place }) => {
      const { io } = createRequire(path.join(place, 'server.js'))('socket.io-client');
      const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], reconnection: false });
      await new Promise((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject));
      return () => socket.close();
    },
    pitfall: BUSY_CLIENTS,
  },
  { label: 'next', clients: shortConnections, pitfall: CODE_143 },
  { label: 'next-standalone', package: 'next', clients: shortConnections, pitfall: CODE_143 },
  {
    label: 'nuxt',
    // the build lacks a package
    pitfall: {
      change: [/--http \S+ (.*)/, '--tcp 3000 $1\nInaccessiblePaths=/srv/app/.output/server/node_modules/vue'],
      result: 'success',
      log: /ERR_MODULE_NOT_FOUND|EACCES/,
    },
  },
  {
    label: 'cluster',
    package: '',
    lastLine: /^both workers have ended$/m,
    pitfall: { change: environment('WITHOUT_HANDLER=1'), result: 'success', lacks: /have ended/ },
  },
  {
    label: 'bullmq',
    listens: false,
    firstLine: /^worker ready$/m,
    install: installRedis,
    before: startRedis,
    clients: addJob,
    lastLine: /^mail to ada sent$/m,
    pitfall: { change: environment('WITHOUT_CLOSE=1'), result: 'success', lacks: /mail to ada sent/ },
  },
  {
    label: 'json-server',
    cutsOff: true,
    pitfall: {
      change: [/--tcp 3000 (.*) --port 3000/, '--timeout 3s --tcp 3000 $1'],
      result: 'exit-code',
      // its own port may be another program's here
      log: /listens on 127\.0\.0\.1|EADDRINUSE/,
    },
  },
  {
    label: 'node-red',
    cutsOff: true,
    pitfall: {
      change: [/ --userDir \S+/, ''],
      result: 'exit-code',
      log: /Ensure \$HOME is set/,
    },
  },
  {
    label: 'npm-start',
    package: '',
    lastLine: /^jobs saved$/m,
    takesSockets: false,
    pitfall: {
      change: ['KillMode=control-group', 'KillMode=mixed'],
      result: 'success',
      log: /KillMode=mixed/,
      lacks: /jobs saved/,
    },
  },
  {
    label: 'tsx',
    cutsOff: true,
    pitfall: {
      change: ['/usr/bin/node --import=tsx', 'node_modules/.bin/tsx'],
      result: 'exit-code',
      log: /exited with code 143/,
    },
  },
  {
    label: 'bun',
    takesSockets: false,
    pitfall: {
      change: ['--tcp 3000', '--watchdog loop --tcp 3000'],
      result: 'exit-code',
      log: /--watchdog loop: /,
    },
  },
  {
    label: 'deno',
    takesSockets: false,
    pitfall: { change: [' --allow-env=PORT', ''], result: 'exit-code', log: /NotCapable/ },
  },
];
