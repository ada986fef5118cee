/** How the app's Node is made to take the sockets that systemd passed: by a preload, preload.ts. */
import type { NodeCommand } from '../base/command-kind.ts';
import { OPTION_PREFIX } from '../base/environment.ts';

/** What the preload has to know, in numbers: `FD... PARENT`. It takes the variable away. */
export const TAKE_VARIABLE = `${OPTION_PREFIX}TAKE`;

/** The file by which it reports, beside the preload. */
export const REPORT_FILE = 'report';

export interface Taking {
  /** The path of the preload. */
  readonly preload: string;
  /** The app's descriptors of the sockets. */
  readonly fds: readonly number[];
}

/**
 * The app's words and environment with the preload in them. An option on the command line, and not in NODE_OPTIONS:
 * those of an `--env-file` would not count any more (https://nodejs.org/api/cli.html#--env-fileconfig).
 * @param parent our pid: the app is our child, and a child of the app is not
 */
export function withTaking({ args, env }: NodeCommand, { preload, fds }: Taking, parent: number): NodeCommand {
  return { args: ['--require', preload, ...args], env: { ...env, [TAKE_VARIABLE]: [...fds, parent].join(' ') } };
}
