/** The examples of systemd-units/, adapted to this machine. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { REPOSITORY, type TestSystemd } from '../helpers/systemd/private-systemd.js';

export const EXAMPLES: string = path.join(REPOSITORY, 'systemd-units');

/** An example with the paths and the port of this machine. */
export function placed(systemd: TestSystemd, name: string, port: number): string {
  const app = `${systemd.repo}/test/fixtures/systemd/says-ready.mjs`;
  return readFileSync(path.join(EXAMPLES, name), 'utf8')
    .replaceAll('/usr/bin/sd-ready-wrap', `${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs`)
    .replaceAll('/usr/bin/node', systemd.node)
    .replace('/srv/app/client.js', `${systemd.repo}/test/fixtures/systemd/uses-client.mjs`)
    .replace(/\/srv\/app\/\w+\.js/g, app)
    .replaceAll('3000', String(port));
}
