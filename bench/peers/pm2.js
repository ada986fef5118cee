/**
 * PM2's wait_ready: `pm2 start --wait-ready` returns when the app has called process.send('ready'). PM2's daemon
 * already runs.
 */
import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { promisify } from 'node:util';
import { atExit } from '../lab.js';
import { app } from '../ways.js';
import { inPackages } from './find.js';

const cli = inPackages('pm2/bin/pm2');
/** All labs share one daemon: its directory, and the function that ends it. */
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
    // by default it counts any app as ready after 3 s
    const options = ['--wait-ready', '--listen-timeout', '60000', '--no-autorestart', '--name', name];
    try {
      // the daemon has its own environment, not the lab's, so the app gets no NOTIFY_SOCKET here
      return await lab.run(['true'], () =>
        lab.lateness([process.execPath, cli, 'start', script, ...options, '--', ...args], environment()),
      );
    } finally {
      await order('delete', name);
    }
  },
  close: () => end?.(),
};

/** PM2's cluster mode: two processes of one app, which `pm2 reload` replaces one after the other. */
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
    // the defaults are 3 s for the start and 1.6 s for the end
    const times = ['--wait-ready', '--listen-timeout', '60000', '--kill-timeout', String(stopLimit * 1000)];
    const words = ['start', script, '-i', '2', ...times, '--name', name];
    await promisify(execFile)(process.execPath, [cli, ...words], { env: { ...environment(), ...variables } });
    return { deploy: () => order('reload', name), stop: () => order('delete', name) };
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
    await order('ping');
  })();
  return booted;
}

async function order(...words) {
  await promisify(execFile)(process.execPath, [cli, ...words], { env: environment() });
}
