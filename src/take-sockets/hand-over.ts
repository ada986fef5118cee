/** Makes the app's Node take the sockets that systemd passed, by a preload (preload.ts). */
import type { NodeCommand } from '../base/command-kind.ts';
import { OPTION_PREFIX } from '../base/environment.ts';

/** The preload's parameters, as numbers: `FD... PARENT`. The preload deletes the variable. */
export const TAKE_VARIABLE = `${OPTION_PREFIX}TAKE`;

/** The preload's report, a file beside it. */
export const REPORT_FILE = 'report';

export interface Taking {
  /** The path of the preload. */
  readonly preload: string;
  /** The descriptors of the sockets in the app. */
  readonly fds: readonly number[];
}

/**
 * Adds the preload to the app's arguments and environment. It is an option on the command line, because setting
 * NODE_OPTIONS would override that of an `--env-file` (https://nodejs.org/api/cli.html#--env-fileconfig).
 * @param parent our pid, by which the preload recognises the app: the app's own children have another parent
 */
export function withTaking({ args, env }: NodeCommand, { preload, fds }: Taking, parent: number): NodeCommand {
  return { args: ['--require', preload, ...args], env: { ...env, [TAKE_VARIABLE]: [...fds, parent].join(' ') } };
}
