/** Queries of the file system that do not throw. */
import { closeSync, constants, type Dirent, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { orElse } from './or-else.ts';

export function readText(path: string): string | undefined {
  return orElse(() => readFileSync(path, 'utf8'), undefined);
}

/** Enough for the `#!` line and the commands of a script, bytes. */
const HEAD = 64 * 1024;

/**
 * Reads the start of a file of the app, which may be a program of 100 MB, or a pipe (`sh <(...)`) whose bytes are for
 * the app.
 * @returns up to 64 KiB; undefined if it is not a regular file
 */
export function readHead(path: string): string | undefined {
  return orElse(() => {
    // a FIFO without a writer would block
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!fstatSync(fd).isFile()) return undefined;
      const head = Buffer.alloc(HEAD);
      return head.toString('utf8', 0, readSync(fd, head));
    } finally {
      closeSync(fd);
    }
  }, undefined);
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
