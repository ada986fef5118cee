/**
 * Parses a valid command line that runs a command, as a unit has it, without commander: loading commander takes as long
 * as the rest before the app is started. Any other line (`--help`, an error) is left to command-line.ts.
 */
import type { RawOptions, RawValue } from './raw.ts';
import { OPTION_TABLE, type Option, type OptionName } from './table.ts';

export interface PlainLine {
  readonly options: RawOptions;
  readonly words: readonly string[];
}

export type KeptOptions = Partial<Record<OptionName, RawValue[]>>;

/**
 * @param argv without the runtime and the script
 * @returns the same as command-line.ts; undefined if that must parse the line
 */
export function readPlainLine(argv: readonly string[]): PlainLine | undefined {
  const options: KeptOptions = {};
  const words = [...argv];
  for (let word = words[0]; word?.startsWith('-') && word !== '-'; word = words[0]) {
    words.shift();
    if (word === '--') break;
    const [, name, given] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const row = OPTION_TABLE.find((each) => each.name === name);
    const text = row?.value ? (given ?? words.shift()) : given === undefined || undefined;
    if (!row || !text || (text !== true && text.startsWith('--'))) return undefined;
    keep(options, row, { place: `--${row.name}`, text });
  }
  return { options, words };
}

/** Adds a value; it replaces the last one if the option may not repeat. */
export function keep(options: KeptOptions, { name, repeats }: Option, value: RawValue): void {
  options[name] = repeats ? [...(options[name] ?? []), value] : [value];
}
