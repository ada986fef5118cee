/** Options as the operator wrote them: how to parse one value, and how to quote it in an error. */
import { parseBoolean } from '../base/boolean.ts';
import { UsageError } from '../base/errors.ts';
import { shellWord } from '../base/shell-word.ts';
import { parseTimeSpan } from '../base/time-span.ts';
import { OPTION_TABLE, type OptionName } from './table.ts';

/** One value and its place: `--tcp` or `SD_READY_WRAP_TCP`. */
export interface RawValue {
  readonly place: string;
  /** `true` for a switch on the command line. */
  readonly text: string | true;
}

/** The given values by option. The values of one option all have the same place. */
export type RawOptions = Readonly<Partial<Record<OptionName, readonly RawValue[]>>>;

/** The value and its place, quoted for a shell: `--tcp 70000`. */
export function quote({ place, text }: RawValue): string {
  if (text === true) return place;
  return place.startsWith('--') ? `${place} ${shellWord(text)}` : `${place}=${shellWord(text)}`;
}

/** A valid value. */
export function exampleOf(name: OptionName): string {
  return OPTION_TABLE.find((row) => row.name === name)?.example ?? '';
}

/** `write e.g. --tcp 3000`, with the place of the invalid value. */
export function example(name: OptionName, value: RawValue, text = exampleOf(name)): string {
  return `write e.g. ${quote({ ...value, text })}`;
}

export function last(raw: RawOptions, name: OptionName): RawValue | undefined {
  return raw[name]?.at(-1);
}

export function text(value: RawValue): string {
  return value.text === true ? '' : value.text;
}

/** One word of a list; the first is the default. @throws {UsageError} for any other */
export function choice<T extends string>(raw: RawOptions, name: OptionName, words: readonly [T, ...T[]]): T {
  const value = last(raw, name);
  if (!value) return words[0];
  const found = words.find((word) => word === text(value));
  if (!found) throw new UsageError(quote(value), `not one of ${words.join(', ')}`, example(name, value));
  return found;
}

/**
 * @param limit the least valid value, ms; or the option is a limit which zero and infinity remove, as with
 * TimeoutStartSec= (systemd.service(5))
 * @returns ms
 * @throws {UsageError} if it is not a time span, or not within the limit
 */
export function time(
  raw: RawOptions,
  name: OptionName,
  byDefault: number,
  limit: { readonly least: number } | 'zero and infinity mean no limit',
): number {
  const value = last(raw, name);
  if (!value) return byDefault;
  const ms = parseTimeSpan(text(value));
  // the time span parser would add up two lines of a variable
  if (ms === undefined || text(value).trim().includes('\n'))
    throw new UsageError(quote(value), 'not a time span', example(name, value));
  if (limit === 'zero and infinity mean no limit') return ms === 0 ? Number.POSITIVE_INFINITY : ms;
  if (!Number.isFinite(ms)) throw new UsageError(quote(value), 'must be a limited time', example(name, value));
  if (ms < limit.least) throw new UsageError(quote(value), `must be at least ${limit.least}ms`, example(name, value));
  return ms;
}

export function nonEmpty(name: OptionName, value: RawValue): string {
  const written = text(value);
  if (written.trim() === '')
    throw new UsageError(quote({ ...value, text: '' }), 'an empty value', example(name, value));
  if (written.includes('\0')) throw new UsageError(quote(value), 'contains a NUL byte', example(name, value));
  return written;
}

/** Whether a switch is given and on. */
export function isOn(raw: RawOptions, name: OptionName): boolean {
  const value = last(raw, name);
  return value !== undefined && switchValue(value);
}

/** Parses a switch as systemd parses booleans (systemd.syntax(7)). An empty variable was dropped before. */
export function switchValue(value: RawValue): boolean {
  if (value.text === true) return true;
  const on = parseBoolean(value.text);
  if (on !== undefined) return on;
  throw new UsageError(quote(value), 'not yes or no', `write ${value.place}=yes or ${value.place}=no`);
}
