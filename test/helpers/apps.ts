/** The fixture apps: `app('never-ready')` is the command line that runs one. */
import { fileURLToPath } from 'node:url';

export const NODE: string = process.execPath;

/** The command line of a fixture app. */
export function app(name: string, ...args: readonly (string | number)[]): string[] {
  return [NODE, fileURLToPath(new URL(`../fixtures/apps/${name}.mjs`, import.meta.url)), ...args.map(String)];
}

/** The command line of a shell script, which starts faster than Node does. */
export function sh(script: string, ...args: readonly (string | number)[]): string[] {
  return ['sh', '-c', script, 'sh', ...args.map(String)];
}
