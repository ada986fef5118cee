/** Queries of the file system that do not throw. */
import { constants, type Dirent, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { orElse } from './or-else.ts';

export function readText(path: string): string | undefined {
  return orElse(() => readFileSync(path, 'utf8'), undefined);
}

/** Empty if `path` is not a readable directory. */
export function entriesOf(path: string): readonly Dirent[] {
  return orElse(() => readdirSync(path, { withFileTypes: true }), []);
}

/**
 * Opens the same pipe or terminal again, non-blocking; the new descriptor shares no flags with `fd` (open(2)).
 * @returns undefined if it may not be opened, for a socket (the journal's, e.g.), which cannot be reopened, and for a
 *   file, because the new descriptor would have its own file offset
 */
export function reopen(fd: number): number | undefined {
  return orElse(() => {
    const stat = fstatSync(fd);
    if (!stat.isFIFO() && !stat.isCharacterDevice()) return undefined;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  }, undefined);
}
