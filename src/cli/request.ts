/** Reads the command line and the variables. Handles modes that only print, such as `--help`. */
import { VERSION } from '../base/version.ts';
import type { Invocation } from '../options/command-line.ts';
import { buildConfig, type Config } from '../options/config.ts';
import { modeOf } from '../options/mode.ts';
import { readPlainLine } from '../options/plain-line.ts';
import type { RawOptions } from '../options/raw.ts';
import { optionsFromEnvironment } from '../options/variables.ts';
import { print, printWarning } from './print.ts';

export interface Request {
  readonly raw: RawOptions;
  readonly config: Config;
  readonly isDryRun: boolean;
}

/**
 * @param argv without Node and the script
 * @returns undefined if the mode only prints
 * @throws {UsageError} for invalid options
 */
export async function readRequest(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<Request | undefined> {
  const plain = readPlainLine(argv);
  const invocation: Invocation = plain
    ? { type: 'run', ...plain }
    : (await import('../options/command-line.ts')).readCommandLine(argv, VERSION);
  if (invocation.type === 'print') return print(invocation.text);
  if (invocation.type === 'version') return print(await (await import('./describe-versions.ts')).describeVersions());
  const raw = { ...optionsFromEnvironment(env), ...invocation.options };
  const mode = modeOf(raw);
  if (mode === 'completion') return print((await import('../options/completion.ts')).completionFor(raw));
  if (mode === 'run' || mode === 'dry-run') {
    return { raw, config: buildConfig(raw, invocation.words), isDryRun: mode === 'dry-run' };
  }
  const printed =
    mode === 'print-unit'
      ? (await import('../print-unit/print-unit.ts')).printUnit
      : (await import('../print-unit/print-drop-in.ts')).printDropIn;
  const { text, notes } = await printed(raw, invocation.words, env);
  print(text);
  for (const note of notes) printWarning(note, env);
  return undefined;
}
