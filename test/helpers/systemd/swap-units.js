/**
 * systemd-units/swap.socket and the units that it names, for another app. Plain JavaScript, because the demo and the
 * benchmark use it too.
 */
import fs from 'node:fs';
import path from 'node:path';
import { REPOSITORY } from './private-systemd.js';

export const SWAP_UNITS = ['swap.socket', 'swap-hold.service', 'swap@.service'];

/** The directory of the examples. */
const EXAMPLES = path.join(REPOSITORY, 'systemd-units');

/**
 * @param {object} app
 * @param {string} app.name replaces `swap`
 * @param {number} app.port replaces 3000, on 127.0.0.1
 * @param {string} app.wrapper the command that runs sd-ready-wrap
 * @param {string} app.command the app's own command line
 * @param {boolean} [app.takesSockets] false for an app that listens on descriptor 3 by itself
 * @param {string[]} [app.lines] more lines in the section [Service] of the instances
 * @returns {Map<string, string>} the text of each, by the name of its example
 */
export function swapUnits({ name, port, wrapper, command, takesSockets = true, lines = [] }) {
  const placed = (unit) =>
    fs
      .readFileSync(path.join(EXAMPLES, unit), 'utf8')
      .replace('ListenStream=3000', 'ListenStream=127.0.0.1:3000')
      .replace('/usr/bin/sd-ready-wrap --take-sockets', takesSockets ? `${wrapper} --take-sockets` : wrapper)
      .replace('/usr/bin/node /srv/app/server.js', command)
      .replaceAll('3000', String(port))
      .replaceAll(/\bswap(?=[.@-])/g, name)
      .replace('\n[Install]\nWantedBy=multi-user', `${lines.map((line) => `${line}\n`).join('')}$&`);
  return new Map(SWAP_UNITS.map((unit) => [unit, placed(unit)]));
}
