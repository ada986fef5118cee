import fs from 'node:fs';
import path from 'node:path';
import { freePort, REPOSITORY } from '../helpers/systemd/private-systemd.js';
import { run } from '../release/tools.js';

export const PAGE = fs.readFileSync(path.join(REPOSITORY, 'docs/frameworks.md'), 'utf8');

/** The units of the page, by label. Recipes that share a unit share its block. */
export const BLOCKS = new Map(
  [...PAGE.matchAll(/^```ini (.+)\n([\s\S]*?)^```$/gm)].flatMap(([, labels, text]) =>
    labels.split(' ').map((label) => [label, text]),
  ),
);

/** @returns {string} such as `tcp` */
export function probeOf(text) {
  return /^ExecStart=.*? --(http|tcp|stdout) /m.exec(text)[1];
}

const NPM = run('sh', ['-c', 'command -v npm']).trim();

/** A unit of the page, with the places and the ports of this run. */
export class Unit {
  static #count = 0;

  static async write(systemd, { label }, place, { change = (text) => text, port, lines = '' } = {}) {
    const unit = new Unit();
    unit.systemd = systemd;
    unit.place = place;
    unit.port = port ?? (await freePort());
    unit.name = `${label}-${++Unit.#count}.service`;
    unit.file = path.join(systemd.makeDir(), 'log');
    const text = change(BLOCKS.get('unit') + BLOCKS.get(label));
    unit.probe = probeOf(text);
    const bin = path.join(place, 'node_modules/.bin');
    const placed = text
      .replaceAll('/usr/bin/sd-ready-wrap', `${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs`)
      .replaceAll('/usr/bin/node', systemd.node)
      .replaceAll('/usr/bin/npm', NPM)
      .replaceAll(/\/usr\/bin\/(bun|deno)/g, `${bin}/$1`)
      .replaceAll('/srv/app', place)
      // /var is that of this machine
      .replace(/^StateDirectory=.*\n/m, '')
      .replaceAll('/var/lib/app', path.dirname(unit.file))
      .replaceAll(/\b(3000|6379)\b/g, String(unit.port));
    const output = ['Output', 'Error'].map((stream) => `Standard${stream}=append:${unit.file}\n`).join('');
    const programs = `Environment=PATH=${path.dirname(process.execPath)}:/usr/bin:/bin\n`;
    systemd.writeUnit(unit.name, `${placed}${programs}${output}${lines}`);
    await systemd.systemctl('daemon-reload');
    return unit;
  }

  systemctl(verb) {
    return this.systemd.systemctl(verb, this.name);
  }

  show(property) {
    return this.systemd.show(this.name, property);
  }

  log() {
    return fs.existsSync(this.file) ? fs.readFileSync(this.file, 'utf8') : '';
  }

  /** What the wrapper logged, among the app's own lines. */
  records() {
    const lines = this.log().split('\n');
    const records = lines.filter((line) => line.includes('"name":"sd-ready-wrap"'));
    return records.map((line) => JSON.parse(line));
  }
}
