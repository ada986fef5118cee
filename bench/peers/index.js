/**
 * Other programs that report an app's readiness, each in its own way: measured by the signal that its user waits for.
 *
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} word its word on the command line
 * @property {string} way how its app becomes ready (ways.js), and so the probe to compare it with
 * @property {Record<string, string | undefined>} needs the paths of its programs
 * @property {number} boot ms of the machine's time to boot app and peer
 * @property {number} waiting % of a core while it waits
 * @property {number} [interval] ms between its polls
 * @property {(lab: import('../lab.js').Lab, delay: number, port: number) => Promise<number>} measure ms from the app's
 * readiness to the peer's own "ready"
 * @property {() => void} [close]
 */
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { now } from '../lab.js';
import { app } from '../ways.js';
import { inPackages, onPath } from './find.js';
import { pm2 } from './pm2.js';

const nc = onPath('nc');
const bash = onPath('bash');
const waitOn = inPackages('wait-on/bin/wait-on');
const supervise = onPath('s6-supervise');
const notifyOnCheck = onPath('s6-notifyoncheck');
const daemon = onPath('start-stop-daemon');

/** @type {Peer[]} */
export const PEERS = [
  waitingOn('wait-on', [], { interval: 250, waiting: 1 }),
  waitingOn('wait-on, --interval 20', ['--interval', '20'], { interval: 20, waiting: 3 }),
  // -n 0, no limit: the default is 7 tries, and an app that boots for 20 s needs more
  checking('s6-notifyoncheck', ['-n', '0'], { interval: 1000, waiting: 0.5 }),
  checking('s6-notifyoncheck, -s 0 -w 1', ['-n', '0', '-s', '0', '-w', '1'], { interval: 1, waiting: 70 }),
  {
    name: 'start-stop-daemon --notify-await',
    word: 'start-stop-daemon',
    way: 'notify',
    needs: { 'start-stop-daemon': daemon },
    boot: 100,
    waiting: 0.1,
    measure: awaitedByDaemon,
  },
  pm2,
  {
    name: 'bash: until nc -z; do sleep 1; done',
    word: 'bash',
    way: 'tcp',
    needs: { bash, nc },
    boot: 100,
    waiting: 0.5,
    interval: 1000,
    measure: (lab, delay, port) =>
      lab.run(app(lab, 'tcp', delay, port), () =>
        lab.lateness([bash, '-c', `until nc -z 127.0.0.1 ${port}; do sleep 1; done`]),
      ),
  },
];

/** Measured to the end of `wait-on`, which starts with the app. */
function waitingOn(name, options, { interval, waiting }) {
  return {
    name,
    word: 'wait-on',
    way: 'tcp',
    needs: { 'wait-on': waitOn },
    boot: 400,
    waiting,
    interval,
    measure: (lab, delay, port) =>
      lab.run(app(lab, 'tcp', delay, port), () =>
        lab.lateness([process.execPath, waitOn, ...options, `tcp:127.0.0.1:${port}`]),
      ),
  };
}

/** Measured to the newline on its notification descriptor. It runs only under s6-supervise. */
function checking(name, options, { interval, waiting }) {
  return {
    name,
    word: 's6',
    way: 'tcp',
    needs: { 's6-supervise': supervise, 's6-notifyoncheck': notifyOnCheck, nc },
    boot: 100,
    waiting,
    interval,
    async measure(lab, delay, port) {
      const service = fs.mkdtempSync(path.join(lab.dir, 's6-'));
      const command = [notifyOnCheck, ...options, '-3', '4', ...app(lab, 'tcp', delay, port)];
      const script = (file, text) =>
        fs.writeFileSync(path.join(service, file), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
      fs.mkdirSync(path.join(service, 'data'));
      script('data/check', `exec ${nc} -z 127.0.0.1 ${port}`);
      script('run', `exec 4>&1 >/dev/null\nexec ${command.join(' ')}`);
      const untilNewline = async ({ child }) => {
        await once(child.stdout, 'data');
        const at = now();
        return at - (await lab.moment());
      };
      return lab.run([supervise, service], untilNewline, { stdout: 'pipe' });
    },
  };
}

/** Measured to its own end. By then the app is an orphan, so the lab has to end it. */
async function awaitedByDaemon(lab, delay, port) {
  const pidFile = path.join(lab.dir, 'pid');
  const [program, ...args] = app(lab, 'notify', delay, port);
  const options = ['--start', '--background', '--notify-await', '--make-pidfile', '--pidfile', pidFile];
  const command = [daemon, ...options, '--exec', program, '--', ...args];
  return lab.run(command, async ({ gone }) => {
    await gone;
    const at = now();
    lab.adopt(Number(fs.readFileSync(pidFile, 'utf8')));
    return at - (await lab.moment());
  });
}

/** @returns {string} which of its programs are not installed; empty if it can be measured */
export function lacking({ needs }) {
  return Object.entries(needs)
    .filter(([, file]) => file === undefined)
    .map(([program]) => program)
    .join(', ');
}
