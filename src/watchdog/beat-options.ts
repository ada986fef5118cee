/**
 * How the Node of an app is made to beat from its event loop (`--watchdog loop`): by a preload, preload.ts.
 */

import { hasPermissionModel, type NodeCommand } from '../base/command-kind.ts';
import { OPTION_PREFIX } from '../base/environment.ts';

/** What the preload has to know, in numbers: `FD EVERY-MS PARENT`. It takes the variable away. */
export const BEAT_VARIABLE = `${OPTION_PREFIX}BEAT`;

/** Beats in an interval of the watchdog: one that is late is then not one that is missing. */
const BEATS = 4;

/** Between two beats, ms. */
const EVERY_LEAST = 5;

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
 * The app's words and environment with the preload in them. It is an option on the command line and not in
 * NODE_OPTIONS: those of an `--env-file` would not count any more (https://nodejs.org/api/cli.html#--env-fileconfig).
 */
export function withBeat({ args, env }: NodeCommand, { preload, fd, intervalMs, parent }: Beat): NodeCommand {
  const every = Math.max(EVERY_LEAST, intervalMs / BEATS);
  return {
    args: ['--require', preload, ...args],
    env: { ...env, [BEAT_VARIABLE]: [fd, every, parent].join(' ') },
  };
}

/**
 * Why this Node cannot load it; undefined where it can.
 * @param args behind `node`
 * @param options NODE_OPTIONS
 */
export function whyNoBeat(args: readonly string[], options = ''): string | undefined {
  return hasPermissionModel(args, options) ? "Node's permission model forbids it" : undefined;
}
