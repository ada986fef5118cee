/**
 * The command line of a unit, which is right and asks for a run, read without commander: to load that takes as long as
 * all else that is done before the app is started. What is not plain (`--help`, an error) is left to command-line.ts.
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
 * @returns what command-line.ts makes of it; undefined if that has to
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

/** Of an option that may not repeat the last one wins. */
export function keep(options: KeptOptions, { name, repeats }: Option, value: RawValue): void {
  options[name] = repeats ? [...(options[name] ?? []), value] : [value];
}
