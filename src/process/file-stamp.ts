/** Tells one state of a path from another. */
import { statSync } from 'node:fs';

/** @returns the same text while it is the same file with the same content; undefined while there is nothing */
export function fileStamp(path: string): string | undefined {
  try {
    const { dev, ino, mtimeNs, size } = statSync(path, { bigint: true });
    return `${dev}:${ino}:${mtimeNs}:${size}`;
  } catch {
    return undefined;
  }
}
