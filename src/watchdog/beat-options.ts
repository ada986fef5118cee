/**
 * How the Node of an app is made to beat from its event loop (`--watchdog loop`): by a preload, which
 * preload/loop-beat.ts is.
 */

import { nodeOptions } from '../base/command-kind.ts';
import { OPTION_PREFIX } from '../base/environment.ts';

/** What the preload has to know, in numbers: `FD EVERY-MS PARENT OPTION-LENGTH`. It takes the variable away. */
export const BEAT_VARIABLE = `${OPTION_PREFIX}BEAT`;

/** Beats in an interval of the watchdog: one that is late is then not one that is missing. */
const BEATS = 4;

/** Between two beats, ms. */
const EVERY_LEAST = 5;

/** Options of Node under which it may not load the preload, and the app would not start. */
const NO_PRELOAD = /(^|\s)--(experimental-)?permission(\s|=|$)/;

export interface Beat {
  /** The file of the preload. */
  readonly preload: string;
  /** The app's descriptor of the file into which it beats. */
  readonly fd: number;
  /** Of systemd's watchdog, ms. */
  readonly intervalMs: number;
  /** Our pid: the app is our child, and a child of the app is not. */
  readonly parent: number;
}

/**
 * The app's environment with the preload in front of its own NODE_OPTIONS, where it is the first that runs and can put
 * them back. Quoted as Node reads them (https://nodejs.org/api/cli.html#node_optionsoptions).
 */
export function withBeat(
  env: Readonly<Record<string, string>>,
  { preload, fd, intervalMs, parent }: Beat,
): Record<string, string> {
  const option = `--require "${preload.replace(/["\\]/g, '\\$&')}"`;
  const own = env['NODE_OPTIONS'];
  const every = Math.max(EVERY_LEAST, intervalMs / BEATS);
  return {
    ...env,
    NODE_OPTIONS: own === undefined ? option : `${option} ${own}`,
    [BEAT_VARIABLE]: [fd, every, parent, option.length].join(' '),
  };
}

/**
 * Why this Node cannot load it; undefined where it can.
 * @param args behind `node`
 * @param options NODE_OPTIONS
 */
export function whyNoBeat(args: readonly string[], options = ''): string | undefined {
  const all = [...nodeOptions(args), options].join(' ');
  return NO_PRELOAD.test(all) ? "Node's permission model would keep the app from it" : undefined;
}
