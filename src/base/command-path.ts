/** Finds a command as execvp(3) does. */
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from './or-else.ts';

/** The default of execvp(3) if PATH is unset. */
const DEFAULT_PATH = '/bin:/usr/bin';

/** False also for a file on a file system that is mounted noexec. */
export function isExecutable(path: string): boolean {
  return orElse(() => {
    accessSync(path, constants.X_OK);
    return true;
  }, false);
}

/**
 * The path of the command: the command itself if it contains a slash, otherwise the first executable file on PATH.
 * @throws {NodeJS.ErrnoException} EACCES if a file was found and is not executable; ENOENT if none was found; any error
 *   of access(2) for a command with a slash
 */
export function commandPath(command: string, env: Readonly<Record<string, string>>): string {
  const places = command.includes('/')
    ? [command]
    : (env['PATH'] ?? DEFAULT_PATH).split(':').map((directory) => join(directory === '' ? '.' : directory, command));
  let worst: unknown;
  for (const place of places) {
    try {
      accessSync(place, constants.X_OK);
      if (statSync(place).isFile()) return place.includes('/') ? place : `./${place}`;
      worst = Object.assign(new Error(`${place} is not a file`), { code: 'EACCES' });
    } catch (error) {
      // a directory of PATH that lacks the command is skipped
      if (command.includes('/') || (error as NodeJS.ErrnoException).code === 'EACCES') worst = error;
    }
  }
  throw worst ?? Object.assign(new Error(`${command} is not there`), { code: 'ENOENT' });
}
