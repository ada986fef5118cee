/** Options from the environment: `SD_READY_WRAP_TCP=3000` for `--tcp 3000`. Several values are written one per line. */
import { OPTION_PREFIX } from '../base/environment.ts';
import { UsageError } from '../base/errors.ts';
import type { RawOptions, RawValue } from './raw.ts';
import { OPTION_TABLE, type OptionName } from './table.ts';

/** `tcp` -> `SD_READY_WRAP_TCP`, `log-level` -> `SD_READY_WRAP_LOG_LEVEL`. */
export function variableOf(name: string): string {
  return OPTION_PREFIX + name.toUpperCase().replaceAll('-', '_');
}

/**
 * @returns the options given by variables; an empty variable counts as unset
 * @throws {UsageError} for an unknown variable with our prefix, which is probably misspelt
 */
export function optionsFromEnvironment(env: NodeJS.ProcessEnv): RawOptions {
  const byVariable = new Map(OPTION_TABLE.map((row) => [variableOf(row.name), row]));
  const raw: Partial<Record<OptionName, RawValue[]>> = {};
  for (const [place, text] of Object.entries(env)) {
    if (!place.startsWith(OPTION_PREFIX) || text === undefined || text.trim() === '') continue;
    const row = byVariable.get(place);
    if (!row) throw new UsageError(place, 'no such option', 'see sd-ready-wrap --help, e.g. SD_READY_WRAP_TCP=3000');
    const lines = row.repeats ? text.split('\n').filter((line) => line.trim() !== '') : [text.trim()];
    raw[row.name] = lines.map((line) => ({ place, text: line }));
  }
  return raw;
}
