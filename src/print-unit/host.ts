/** What a unit has to name of this host: where the programs are, who runs them and where. */
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

/** What systemd gives its services for a PATH (systemd.exec(5)). */
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
 * What started us: the program by its own name, as its first lines are obeyed then, or a node, its options and the
 * program. A link to it stays one, as it outlives an update.
 */
export function wrapper(env: NodeJS.ProcessEnv): readonly string[] {
  const program = resolve(process.argv[1] as string);
  return startedByName(env) ? [program] : [process.execPath, ...process.execArgv, program];
}

/** Where the command is. What stands on systemd's PATH is not what stands on the shell's. */
export function absolute(command: string, { template }: UnitName, env: NodeJS.ProcessEnv): string {
  // a part of it is known only when systemd starts an instance
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

/** A node that was put elsewhere, as by nvm, is not found there, neither by us nor by npm and what the app starts. */
export function pathToNode(): string | undefined {
  const nodes = SYSTEMD_PATH.split(delimiter).map((dir) => orElse(() => realpathSync(`${dir}/node`), undefined));
  const first = nodes.find((node) => node !== undefined);
  return first === process.execPath ? undefined : `${dirname(process.execPath)}:${SYSTEMD_PATH}`;
}

/** Who asks for the unit is who ran the app so far. */
export function account(): string | undefined {
  if (process.getuid?.() === 0) return undefined;
  return orElse(() => userInfo().username, String(process.getuid?.()));
}

/** Where an operator's units go (systemd.unit(5)). */
export function unitDirectory(manager: 'system' | 'user', env: NodeJS.ProcessEnv): string {
  if (manager === 'system') return '/etc/systemd/system';
  return `${env['XDG_CONFIG_HOME'] || `${homedir()}/.config`}/systemd/user`;
}

/** OpenFile= knows no %t (systemd.service(5)). */
export function runtimeDirectory(env: NodeJS.ProcessEnv): string {
  return env['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.()}`;
}
