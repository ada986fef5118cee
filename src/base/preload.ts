/** A file that the app's Node loads before the app, with `--require`. */
import { chmodSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRoot, makePrivateDirectory, type PrivateDirectory } from './private-directory.ts';
import { runtimeDirectories } from './runtime-directories.ts';

export interface Preload {
  readonly path: string;
  /** A private directory that contains only this file. The app may write to it if it runs as the wrapper's user. */
  readonly directory: string;
  close(): void;
}

/**
 * Copies the file: each worker of the app loads it again, even after a package update has replaced the original, or
 * after the app has changed to a user that may not read the original.
 * @param name file name, in the directory of the bundle
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
