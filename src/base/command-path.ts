/** Where a command is, as execvp(3) finds it. */
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from './or-else.ts';

/** What execvp(3) takes where there is no PATH. */
const DEFAULT_PATH = '/bin:/usr/bin';

/** Whether it can be executed: also not where it stands on a file system that forbids it. */
export function isExecutable(path: string): boolean {
  return orElse(() => {
    accessSync(path, constants.X_OK);
    return true;
  }, false);
}

/**
 * The path of the command: with a slash in it, itself, otherwise the first on PATH that can be executed.
 * @throws {NodeJS.ErrnoException} EACCES where there is one that cannot be executed, ENOENT where there is none, or why
 * a path leads nowhere
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
      worst = Object.assign(new Error(`${place} is no file`), { code: 'EACCES' });
    } catch (error) {
      // on PATH one that leads nowhere is passed over
      if (command.includes('/') || (error as NodeJS.ErrnoException).code === 'EACCES') worst = error;
    }
  }
  throw worst ?? Object.assign(new Error(`${command} is not there`), { code: 'ENOENT' });
}
