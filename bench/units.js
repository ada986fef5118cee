/** Services of a real systemd for a row: a private one if this user can boot it, else the user's own session. */
import fs from 'node:fs';
import { bootSystemd, possibleModes } from '../test/helpers/systemd/private-systemd.js';
import { atExit } from './lab.js';

/** The most units of one `systemctl` call. */
const UNITS_PER_CALL = 100;

/**
 * @param {string[]} wanted modes (private-systemd.js); the first that is possible here is used
 * @param {(units: Units) => Promise<T>} work
 * @param {(why: string) => T} without called if none is possible
 * @template T
 */
export async function withSystemd(wanted, work, without) {
  const { modes, missing } = possibleModes();
  const mode = wanted.find((each) => modes.includes(each));
  if (!mode) return without(`no systemd: ${missing}`);
  const systemd = await bootSystemd(mode);
  // it dies with this process, and would leave its directory behind
  const forget = atExit(() => fs.rmSync(systemd.dir, { recursive: true, force: true }));
  try {
    return await work(new Units(systemd));
  } finally {
    await systemd.stop();
    forget();
  }
}

export class Units {
  constructor(systemd) {
    this.systemd = systemd;
  }

  /** @param {string[]} lines of the [Service] section of `<name>@.service`; %i is the instance */
  async define(name, lines) {
    const common = ['KillMode=mixed', 'LimitCORE=0', 'TimeoutStartSec=120'];
    this.systemd.writeUnit(`${name}@.service`, ['[Service]', ...common, ...lines, ''].join('\n'));
    await this.systemd.systemctl('daemon-reload');
  }

  /** Runs `systemctl`, in as few calls as possible. */
  async order(verb, units, ...flags) {
    const calls = [];
    for (let done = 0; done < units.length; done += UNITS_PER_CALL) {
      calls.push(this.systemd.systemctl(verb, ...flags, ...units.slice(done, done + UNITS_PER_CALL)));
    }
    const failed = (await Promise.all(calls)).find(({ code }) => code !== 0);
    if (failed) throw new Error(`systemctl ${verb}: ${failed.stderr.trim()}`);
  }

  /** @returns {Promise<number>} how many instances are active */
  async active(name) {
    const all = this.systemd.unit(`${name}@1.service`).replace('@1.', '@*.');
    const { stdout } = await this.systemd.systemctl('list-units', '--plain', '--no-legend', '--state=active', all);
    return stdout.split('\n').filter(Boolean).length;
  }

  /** A directory that services may write to, under the same path. */
  makeDir() {
    return this.systemd.makeDir();
  }

  /** Writes a program that services may run. @returns {string} its path */
  program(name, text) {
    const file = `${this.makeDir()}/${name}`;
    fs.writeFileSync(file, text, { mode: 0o644 });
    return file;
  }
}
