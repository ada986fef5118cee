/** Distinguishes the states of a path. */
import { statSync } from 'node:fs';

/**
 * @returns the same text for the same file with the same content, and for the same socket unless it was renamed;
 * undefined if nothing is there
 * @throws EACCES and other errors of stat(2), except ENOENT
 */
export function fileStamp(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}:${found.isSocket() ? found.ctimeNs : found.mtimeNs}:${found.size}`;
}
