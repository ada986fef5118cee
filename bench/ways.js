/** The ways to be ready that app.cjs knows, and the wrapper's option that waits for each. */
import { APP, WRAPPER } from './lab.js';

const PROBES = {
  tcp: (port) => ['--tcp', String(port)],
  listen: (port) => ['--listen', String(port)],
  auto: () => [],
  http: (port) => ['--http', `http://127.0.0.1:${port}/`],
  unix: (_, marker) => ['--unix', marker],
  file: (_, marker) => ['--file', marker],
  exec: (_, marker) => ['--exec', `test -e ${marker}`],
  stdout: () => ['--stdout', '^listening'],
  ipc: () => ['--ipc'],
  fd: () => ['--fd', '3'],
  notify: () => ['--notify'],
};
export const WAYS = Object.keys(PROBES);
/** The app sends a message for these; for the others the wrapper polls. */
export const OBSERVED = ['stdout', 'ipc', 'fd', 'notify'];

/** The wrapper's option, or `auto`. */
export const nameOf = (way) => (way === 'auto' ? 'auto' : `--${way}`);

/** The command line of an app that becomes ready in that way after `delay` ms. */
export function app(lab, way, delay, port) {
  return [process.execPath, APP, lab.file, way, String(delay), String(port), lab.marker];
}

/** The same under the wrapper. */
export function wrapped(lab, way, delay, port) {
  // by its own name, as a unit starts it: its first lines set flags of Node
  return [WRAPPER, ...PROBES[way](port, lab.marker), '--', ...app(lab, way, delay, port)];
}
