/** The file into which an app beats: open, and without a name, so that nothing of it stays behind. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { refuseChangeable } from '../base/private-directory.ts';
import { runtimeDirectories } from '../base/runtime-directories.ts';

export interface BeatFile {
  readonly fd: number;
  /** How often the app has beaten. */
  beats(): number;
}

/** In memory where that can be had: a disk that is busy must not keep the app waiting. */
export function openBeatFile(env: NodeJS.ProcessEnv): BeatFile | { readonly problem: string } {
  const problems: string[] = [];
  for (const place of ['/dev/shm', ...runtimeDirectories(env)]) {
    try {
      return openIn(place);
    } catch (error) {
      problems.push(`${place}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`);
    }
  }
  return { problem: `cannot create a file for it (${problems.join('; ')})` };
}

function openIn(directory: string): BeatFile {
  refuseChangeable(directory);
  const path = join(directory, `sd-ready-wrap-${randomBytes(8).toString('hex')}`);
  const fd = openSync(path, 'wx+', 0o600);
  const count = Buffer.alloc(4);
  try {
    unlinkSync(path);
    // takes the room that it needs once and for all
    writeSync(fd, count, 0, count.length, 0);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return {
    fd,
    beats() {
      readSync(fd, count, 0, count.length, 0);
      return count.readUInt32LE(0);
    },
  };
}
