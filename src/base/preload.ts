/** A file that the app's Node loads before the app, by `--require`. */
import { chmodSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRoot, makePrivateDirectory, type PrivateDirectory } from './private-directory.ts';
import { runtimeDirectories } from './runtime-directories.ts';

export interface Preload {
  readonly path: string;
  /** Where it is, alone: a private directory, in which the app may write as the wrapper's user. */
  readonly directory: string;
  close(): void;
}

/**
 * Makes a copy: each worker of the app loads it anew, also after an update has replaced our own files, and after the
 * app has become a user who may not read those.
 * @param name of the file, which is built beside the bundle
 */
export function placePreload(name: string, env: NodeJS.ProcessEnv): Preload | { readonly problem: string } {
  const problems: string[] = [];
  for (const place of runtimeDirectories(env)) {
    try {
      return copyTo(makePrivateDirectory(place), name);
    } catch (error) {
      problems.push(`${place}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`);
    }
  }
  return { problem: `cannot create the preload file (${problems.join('; ')})` };
}

function copyTo({ path, remove }: PrivateDirectory, name: string): Preload {
  try {
    const directory = realpathSync(path);
    const file = join(directory, name);
    writeFileSync(file, readFileSync(join(__dirname, name)));
    chmodSync(file, isRoot() ? 0o644 : 0o600);
    return { path: file, directory, close: remove };
  } catch (error) {
    remove();
    throw error;
  }
}
