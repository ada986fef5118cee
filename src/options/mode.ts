/** The mode of a command line: run the app, or something else that needs no unit. */
import { UsageError } from '../base/errors.ts';
import { isOn, type RawOptions } from './raw.ts';
import type { OptionName } from './table.ts';

export type Mode = 'run' | 'print-unit' | 'print-drop-in' | 'dry-run' | 'completion';

/** Options that need another one. */
const BESIDE: readonly (readonly [OptionName, readonly OptionName[], string])[] = [
  ['unit-name', ['print-unit'], '--print-unit --unit-name shop'],
  ['user', ['print-unit', 'print-drop-in'], '--print-unit --user'],
  ['swap', ['print-unit'], '--print-unit --swap'],
  ['exit-when-ready', ['dry-run'], '--dry-run --exit-when-ready'],
];

/** @throws {UsageError} for two modes, and for an option whose required option is missing */
export function modeOf(raw: RawOptions): Mode {
  if (raw.completion) return 'completion';
  for (const [name, needed, example] of BESIDE) {
    const value = raw[name]?.at(-1);
    const given = value && (value.text !== true ? name === 'unit-name' || isOn(raw, name) : true);
    if (given && !needed.some((mode) => isRequested(raw, mode))) {
      throw new UsageError(value.place, `works only with --${needed[0]}`, `write e.g. ${example}`);
    }
  }
  const modes = (['print-unit', 'print-drop-in', 'dry-run'] as const).filter((name) => isRequested(raw, name));
  const [mode = 'run', other] = modes;
  if (other === 'dry-run') {
    throw new UsageError(
      '--dry-run',
      `cannot be combined with --${mode}, which runs nothing`,
      `remove --dry-run or --${mode}`,
    );
  }
  if (other) throw new UsageError(`--${other}`, `cannot be combined with --${mode}`, 'remove one of the two');
  return mode;
}

function isRequested(raw: RawOptions, name: OptionName): boolean {
  return name === 'print-drop-in' ? raw[name] !== undefined : isOn(raw, name);
}
