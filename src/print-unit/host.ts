/** Facts of this host for a unit: paths of programs, user, directories. */
import { realpathSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { delimiter, dirname, resolve } from 'node:path';
import { commandPath } from '../base/command-path.ts';
import { appEnvironment, startedByName } from '../base/environment.ts';
import { KnownError, UsageError } from '../base/errors.ts';
import { spawnFailureCode } from '../base/exit-status.ts';
import { notFound } from '../base/not-found.ts';
import { orElse } from '../base/or-else.ts';
import type { UnitName } from './name.ts';

/** The PATH of systemd's services (systemd.exec(5)). */
const SYSTEMD_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin';

export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new UsageError(
      'the working directory',
      `cannot be determined (${code})`,
      'change to the directory of the app, e.g. cd /srv/app',
    );
  }
}

/**
 * The command of the wrapper: the program alone if it was started by its own name, so that its first lines ran; else
 * node, its options and the program. A symbolic link is not resolved, because the link survives an update.
 */
export function wrapper(env: NodeJS.ProcessEnv): readonly string[] {
  const program = resolve(process.argv[1] as string);
  return startedByName(env) ? [program] : [process.execPath, ...process.execArgv, program];
}

/** The absolute path of the command, because systemd's PATH is not the shell's. @throws {KnownError} if not found */
export function absolute(command: string, { template }: UnitName, env: NodeJS.ProcessEnv): string {
  // a path with a specifier is known only when systemd starts an instance
  if (template && /%[iI]/.test(command) && command.includes('/')) return resolve(command);
  try {
    return resolve(commandPath(command, appEnvironment(env)));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem =
      code === 'ENOENT'
        ? notFound(command)
        : `not executable (${code}); chmod +x it, or name the program that runs it, e.g. node ${command}`;
    throw new KnownError(`cannot find ${command}: ${problem}`, spawnFailureCode(code));
  }
}

/** A PATH with our node if systemd's has another or none (nvm): the wrapper, npm and the app's children need it. */
export function pathToNode(): string | undefined {
  const nodes = SYSTEMD_PATH.split(delimiter).map((dir) => orElse(() => realpathSync(`${dir}/node`), undefined));
  const first = nodes.find((node) => node !== undefined);
  return first === process.execPath ? undefined : `${dirname(process.execPath)}:${SYSTEMD_PATH}`;
}

/** The user for User=: the operator's own, who has run the app so far. Undefined for root. */
export function account(): string | undefined {
  if (process.getuid?.() === 0) return undefined;
  return orElse(() => userInfo().username, String(process.getuid?.()));
}

/** The directory for an operator's units (systemd.unit(5)). */
export function unitDirectory(manager: 'system' | 'user', env: NodeJS.ProcessEnv): string {
  if (manager === 'system') return '/etc/systemd/system';
  return `${env['XDG_CONFIG_HOME'] || `${homedir()}/.config`}/systemd/user`;
}

/** The value of %t, which OpenFile= does not support (systemd.service(5)). */
export function runtimeDirectory(env: NodeJS.ProcessEnv): string {
  return env['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.()}`;
}
