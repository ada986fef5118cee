/** The file that counts the app's heartbeats. It is open but deleted, so that nothing is left over. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { refuseChangeable } from '../base/private-directory.ts';
import { runtimeDirectories } from '../base/runtime-directories.ts';

export interface BeatFile {
  readonly fd: number;
  /** The number of beats, modulo 2^32. */
  beats(): number;
}

/** In memory if possible: a busy disk must not make the app wait. */
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
    // reserves its space now: later writes cannot fail for lack of it
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
