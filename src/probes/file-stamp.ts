/** Tells one state of a path from another. */
import { statSync } from 'node:fs';

/**
 * @returns the same text while it is the same file with the same content, or the same socket that was not renamed;
 * undefined while there is nothing
 * @throws where it cannot be seen: EACCES
 */
export function fileStamp(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}:${found.isSocket() ? found.ctimeNs : found.mtimeNs}:${found.size}`;
}
