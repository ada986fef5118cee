/** Options as the operator wrote them: how one value is read, and how it is shown in an error. */
import { parseBoolean } from '../base/boolean.ts';
import { UsageError } from '../base/errors.ts';
import { shellWord } from '../base/shell-word.ts';
import { parseTimeSpan } from '../base/time-span.ts';
import { OPTION_TABLE, type OptionName } from './table.ts';

/** One value as it was written, and where: `--tcp` or `SD_READY_WRAP_TCP`. */
export interface RawValue {
  readonly place: string;
  /** `true` for a switch of the command line. */
  readonly text: string | true;
}

/** What was given, by option. The values of one option all come from the same place. */
export type RawOptions = Readonly<Partial<Record<OptionName, readonly RawValue[]>>>;

/** What was written at a place, as a shell has to be given it: `--tcp 70000`. */
export function quote({ place, text }: RawValue): string {
  if (text === true) return place;
  return place.startsWith('--') ? `${place} ${shellWord(text)}` : `${place}=${shellWord(text)}`;
}

/** A right value of it. */
export function exampleOf(name: OptionName): string {
  return OPTION_TABLE.find((row) => row.name === name)?.example ?? '';
}

/** `write e.g. --tcp 3000`, in the form of the place where the wrong value stood. */
export function example(name: OptionName, value: RawValue, text = exampleOf(name)): string {
  return `write e.g. ${quote({ ...value, text })}`;
}

export function last(raw: RawOptions, name: OptionName): RawValue | undefined {
  return raw[name]?.at(-1);
}

export function text(value: RawValue): string {
  return value.text === true ? '' : value.text;
}

/** One word of a list; the first is the default. */
export function choice<T extends string>(raw: RawOptions, name: OptionName, words: readonly [T, ...T[]]): T {
  const value = last(raw, name);
  if (!value) return words[0];
  const found = words.find((word) => word === text(value));
  if (!found) throw new UsageError(quote(value), `not one of ${words.join(', ')}`, example(name, value));
  return found;
}

/**
 * A time span in ms. `limit` is either the least that makes sense, or says that the option is a limit which zero and
 * infinity take away, as for TimeoutStartSec= (systemd.service(5)).
 */
export function time(
  raw: RawOptions,
  name: OptionName,
  byDefault: number,
  limit: { readonly least: number } | 'zero or infinity is no limit',
): number {
  const value = last(raw, name);
  if (!value) return byDefault;
  const ms = parseTimeSpan(text(value));
  // two lines of a variable would be added up
  if (ms === undefined || text(value).trim().includes('\n'))
    throw new UsageError(quote(value), 'not a time span', example(name, value));
  if (limit === 'zero or infinity is no limit') return ms === 0 ? Number.POSITIVE_INFINITY : ms;
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

/** Whether a switch is given, and on. */
export function isOn(raw: RawOptions, name: OptionName): boolean {
  const value = last(raw, name);
  return value !== undefined && switchValue(value);
}

/** A switch in systemd's words (systemd.syntax(7), booleans). Empty is handled before: it is unset. */
export function switchValue(value: RawValue): boolean {
  if (value.text === true) return true;
  const on = parseBoolean(value.text);
  if (on !== undefined) return on;
  throw new UsageError(quote(value), 'not yes or no', `write ${value.place}=yes or ${value.place}=no`);
}
