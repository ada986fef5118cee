/** Explains briefly why an addon cannot be used, and how to fix it. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RAISE_LIMIT } from '../base/exit-status.ts';
import { orElse } from '../base/or-else.ts';

/** `unix-dgram: built for another Node (NODE_MODULE_VERSION 108, v20.1.0 has 115)`. */
export function explainFailure(name: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const built = /NODE_MODULE_VERSION (\d+)/.exec(message)?.[1];
  if (built === undefined) return `${name}: ${message.split('\n')[0]}`;
  return `${name}: ${ANOTHER_NODE} (NODE_MODULE_VERSION ${built}, ${process.version} has ${process.versions.modules})`;
}

const ANOTHER_NODE = 'built for another Node';

/** The commands to type, the most likely first: an addon built for another Node only needs a rebuild. */
export function howToMend(failures: Iterable<string>): string {
  if ([...failures].some((failure) => failure.includes('EMFILE'))) return RAISE_LIMIT;
  const rebuild = 'npm rebuild unix-dgram';
  const install = 'npm install koffi (no compiler needed)';
  const ways = [...failures].some((failure) => failure.includes(ANOTHER_NODE))
    ? [rebuild, install]
    : [install, rebuild];
  return `install one: ${ways.join(', or ')}, in ${installation()}`;
}

/** Whether a package is in a node_modules directory of this installation. */
export function isInstalled(name: string): boolean {
  const isIn = (directory: string): boolean =>
    existsSync(join(directory, 'node_modules', name)) || (directory !== dirname(directory) && isIn(dirname(directory)));
  return isIn(installation());
}

/** The directory of this package. */
function installation(): string {
  return orElse(() => dirname(dirname(realpathSync(process.argv[1] ?? ''))), 'the directory of sd-ready-wrap');
}
