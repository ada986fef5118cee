/** Makes the app's Node beat from its event loop (`--watchdog loop`), by a preload (preload.ts). */
import { hasPermissionModel, type NodeCommand } from '../base/command-kind.ts';
import { OPTION_PREFIX } from '../base/environment.ts';

/** The preload's parameters, as numbers: `FD EVERY-MS PARENT`. The preload deletes the variable. */
export const BEAT_VARIABLE = `${OPTION_PREFIX}BEAT`;

/** Beats per watchdog interval: several, so that a late beat does not count as a missing one. */
const BEATS = 4;

/** The shortest time between two beats, ms. */
const EVERY_LEAST = 5;

export interface Beat {
  /** The path of the preload. */
  readonly preload: string;
  /** The app's descriptor of the beat file. */
  readonly fd: number;
  /** The watchdog interval, ms. */
  readonly intervalMs: number;
  /** Our pid, by which the preload recognises the app: the app's own children have another parent. */
  readonly parent: number;
}

/**
 * Adds the preload to the app's arguments and environment. It is an option on the command line, because setting
 * NODE_OPTIONS would override that of an `--env-file` (https://nodejs.org/api/cli.html#--env-fileconfig).
 */
export function withBeat({ args, env }: NodeCommand, { preload, fd, intervalMs, parent }: Beat): NodeCommand {
  const every = Math.max(EVERY_LEAST, intervalMs / BEATS);
  return {
    args: ['--require', preload, ...args],
    env: { ...env, [BEAT_VARIABLE]: [fd, every, parent].join(' ') },
  };
}

/**
 * Why the app's Node cannot load the preload; undefined if it can.
 * @param args the arguments after `node`
 * @param options NODE_OPTIONS
 */
export function whyNoBeat(args: readonly string[], options = ''): string | undefined {
  return hasPermissionModel(args, options) ? "Node's permission model forbids it" : undefined;
}
