/** Options as they would be written on a command line, wherever they were given. */
import type { ProbeSpec } from '../probes/spec.ts';
import { isOn, type RawOptions } from './raw.ts';
import { OPTION_TABLE, type OptionName } from './table.ts';

export interface OptionWords {
  readonly words: readonly string[];
  /** Those that no command line can give: a value that begins with `--` would be taken for an option. */
  readonly variables: readonly (readonly [OptionName, string])[];
}

/**
 * @param raw what was given, by options and by variables
 * @param probes what came of it
 */
export function optionWords(raw: RawOptions, probes: readonly ProbeSpec[]): OptionWords {
  const words: string[] = [];
  const variables: [OptionName, string][] = [];
  for (const { name, value: placeholder, group } of OPTION_TABLE) {
    if (group === 'Unit files and dry run' || isIdle(name, probes)) continue;
    if (placeholder === undefined) {
      if (isOn(raw, name)) words.push(`--${name}`);
      continue;
    }
    const texts = (raw[name] ?? []).map(({ text }) => String(text));
    if (texts.some((text) => text.startsWith('--'))) variables.push([name, texts.join('\n')]);
    else for (const text of texts) words.push(`--${name}`, text);
  }
  return { words, variables };
}

/** A variable may say how to ask without anything to ask; on a command line that is refused, or asks. */
function isIdle(name: OptionName, probes: readonly ProbeSpec[]): boolean {
  if (name.startsWith('http-')) return probes.every(({ kind }) => kind !== 'http');
  return name === 'ipc-message' && probes.every(({ kind }) => kind !== 'ipc');
}
