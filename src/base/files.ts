/** What is asked of the file system where it may fail. */
import { constants, type Dirent, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { orElse } from './or-else.ts';

export function readText(path: string): string | undefined {
  return orElse(() => readFileSync(path, 'utf8'), undefined);
}

/** Nothing of what is no directory. */
export function entriesOf(path: string): readonly Dirent[] {
  return orElse(() => readdirSync(path, { withFileTypes: true }), []);
}

/**
 * A non-blocking descriptor of the same pipe or terminal, which shares no flags with the other one (open(2)). Of a
 * socket, such as the journal's, there is none, and of a file it would write at a place of its own; where we may not
 * open it there is none either.
 */
export function openAnew(fd: number): number | undefined {
  return orElse(() => {
    const stat = fstatSync(fd);
    if (!stat.isFIFO() && !stat.isCharacterDevice()) return undefined;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  }, undefined);
}
