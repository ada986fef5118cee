/** Writes options as words of a command line, also those from variables. */
import type { ProbeSpec } from '../probes/spec.ts';
import { isOn, type RawOptions } from './raw.ts';
import { OPTION_TABLE, type OptionName } from './table.ts';

export interface OptionWords {
  readonly words: readonly string[];
  /** Options that only a variable can hold: on a command line a value that begins with `--` would be an option. */
  readonly variables: readonly (readonly [OptionName, string])[];
}

/**
 * @param raw the options from the command line and from variables
 * @param probes the resulting probes
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

/** A variable may hold a setting for a missing probe; on a command line that would be an error, or add the probe. */
function isIdle(name: OptionName, probes: readonly ProbeSpec[]): boolean {
  if (name.startsWith('http-')) return probes.every(({ kind }) => kind !== 'http');
  return name === 'ipc-message' && probes.every(({ kind }) => kind !== 'ipc');
}
