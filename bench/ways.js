/** The ways to be ready that app.cjs knows, and the wrapper's option that waits for each. */
import { APP, WRAPPER } from './lab.js';

const PROBES = {
  tcp: (port) => ['--tcp', String(port)],
  listen: (port) => ['--listen', String(port)],
  auto: () => [],
  http: (port) => ['--http', `http://127.0.0.1:${port}/`],
  unix: (_, sign) => ['--unix', sign],
  file: (_, sign) => ['--file', sign],
  exec: (_, sign) => ['--exec', `test -e ${sign}`],
  stdout: () => ['--stdout', '^listening'],
  ipc: () => ['--ipc'],
  fd: () => ['--fd', '3'],
  notify: () => ['--notify'],
};
export const WAYS = Object.keys(PROBES);
/** The app tells these; for the others the wrapper has to ask. */
export const OBSERVED = ['stdout', 'ipc', 'fd', 'notify'];

/** As an operator knows it. */
export const nameOf = (way) => (way === 'auto' ? 'auto' : `--${way}`);

/** The command line of an app that gets ready in that way after `delay` ms. */
export function app(lab, way, delay, port) {
  return [process.execPath, APP, lab.file, way, String(delay), String(port), lab.sign];
}

/** The same under the wrapper. */
export function wrapped(lab, way, delay, port) {
  // by its own name, as a unit starts it: its first lines have flags
  return [WRAPPER, ...PROBES[way](port, lab.sign), '--', ...app(lab, way, delay, port)];
}
