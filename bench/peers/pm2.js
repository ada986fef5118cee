/**
 * PM2's wait_ready: `pm2 start --wait-ready` is back when the app called process.send('ready'). Its daemon runs
 * already.
 */
import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { promisify } from 'node:util';
import { atExit } from '../lab.js';
import { app } from '../ways.js';
import { inPackages } from './find.js';

const cli = inPackages('pm2/bin/pm2');
/** Of the daemon, shared by all labs: its directory, and what ends it. */
let home;
let end;
let count = 0;

/** @type {import('./index.js').Peer} */
export const pm2 = {
  name: 'pm2 start --wait-ready',
  word: 'pm2',
  way: 'ipc',
  needs: { pm2: cli },
  boot: 900,
  waiting: 0.1,
  async measure(lab, delay, port) {
    await daemon();
    const name = `app-${++count}`;
    const [, script, ...args] = app(lab, 'ipc', delay, port);
    // its own deadline is 3 s, after which it takes any app for ready
    const options = ['--wait-ready', '--listen-timeout', '60000', '--no-autorestart', '--name', name];
    try {
      // the daemon has its own environment and not the lab's, so there is no NOTIFY_SOCKET to be had here
      return await lab.run(['true'], () =>
        lab.lateness([process.execPath, cli, 'start', script, ...options, '--', ...args], environment()),
      );
    } finally {
      await tell('delete', name);
    }
  },
  close: () => end?.(),
};

/** Its cluster mode: two processes of one app, which `pm2 reload` replaces one after the other. */
export const cluster = {
  lacks: cli ? '' : 'not installed: pm2',
  /**
   * @param {Record<string, string>} variables of the app
   * @param {number} stopLimit s
   * @returns {Promise<{deploy: () => Promise<void>, stop: () => Promise<void>}>}
   */
  async start(script, variables, stopLimit) {
    await daemon();
    const name = `cluster-${++count}`;
    // its own times are 3 s for the start and 1.6 s for the end
    const times = ['--wait-ready', '--listen-timeout', '60000', '--kill-timeout', String(stopLimit * 1000)];
    const words = ['start', script, '-i', '2', ...times, '--name', name];
    await promisify(execFile)(process.execPath, [cli, ...words], { env: { ...environment(), ...variables } });
    return { deploy: () => tell('reload', name), stop: () => tell('delete', name) };
  },
};

function environment() {
  return { PATH: process.env.PATH, HOME: home, PM2_HOME: home };
}

let booted;
function daemon() {
  booted ??= (async () => {
    home = fs.mkdtempSync('/tmp/sd-ready-wrap-bench-pm2-');
    end = atExit(() => {
      spawnSync(process.execPath, [cli, 'kill'], { env: environment() });
      fs.rmSync(home, { recursive: true, force: true });
      booted = undefined;
    });
    await tell('ping');
  })();
  return booted;
}

async function tell(...words) {
  await promisify(execFile)(process.execPath, [cli, ...words], { env: environment() });
}
