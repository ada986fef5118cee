/** Reads settings from the texts of unit files, without systemd. */
import { parseBoolean } from '../base/boolean.ts';
import { assignmentsIn } from './syntax.ts';

/** The last valid assignment of a boolean setting; undefined if there is none. systemd ignores invalid ones. */
export function lastBoolean(setting: string, texts: readonly string[]): boolean | undefined {
  return assignments(setting, texts)
    .map(parseBoolean)
    .findLast((value) => value !== undefined);
}

/** The last assignment of a setting; undefined if that is empty. */
export function lastWord(setting: string, texts: readonly string[]): string | undefined {
  return assignments(setting, texts).at(-1) || undefined;
}

/** Whether SuccessExitStatus= lists the exit code. An empty assignment clears the list (systemd.service(5)). */
export function isListedSuccess(code: number, texts: readonly string[]): boolean {
  const values = assignments('SuccessExitStatus', texts);
  return values.slice(values.lastIndexOf('') + 1).some((value) => value.split(/\s+/).includes(`${code}`));
}

/** Values of Type= (systemd.service(5)); systemd ignores any other. */
const SERVICE_TYPES = ['simple', 'exec', 'forking', 'oneshot', 'dbus', 'notify', 'notify-reload', 'idle'];

/** @param unknown types that the local systemd does not know, and ignores too */
export function serviceType(texts: readonly string[], unknown: readonly string[] = []): string | undefined {
  const isKnown = (value: string) => SERVICE_TYPES.includes(value) && !unknown.includes(value);
  return assignments('Type', texts).findLast(isKnown);
}

/**
 * Node's name of the signal for reloads: ReloadSignal= of a Type=notify-reload unit (systemd.service(5)).
 * @param numbers the numbers of the signals that Node knows, by name: ReloadSignal= may be a number
 * @param typeElse the type if the texts do not set it
 * @returns undefined for another type, or for a signal that Node does not know
 */
export function reloadSignal(
  texts: readonly string[],
  numbers: Readonly<Record<string, number>>,
  typeElse = 'simple',
): string | undefined {
  const type = serviceType(texts) ?? typeElse;
  if (type !== 'notify-reload') return undefined;
  const written = assignments('ReloadSignal', texts).findLast((value) => value !== '') ?? 'SIGHUP';
  const name = /^\d+$/.test(written)
    ? Object.keys(numbers).find((each) => numbers[each] === Number(written))
    : `SIG${written.replace(/^SIG/, '')}`;
  return name !== undefined && name in numbers ? name : undefined;
}

/**
 * The soft limit of a setting such as LimitNOFILE= (systemd.exec(5)): `1024:524288`, or one number for both limits.
 * Undefined if none is set.
 */
export function lastSoftLimit(setting: string, texts: readonly string[]): number | undefined {
  return assignments(setting, texts)
    .map((value) => /^(\d+|infinity)(:(\d+|infinity))?$/.exec(value)?.[1])
    .filter((soft) => soft !== undefined)
    .map((soft) => (soft === 'infinity' ? Infinity : Number(soft)))
    .at(-1);
}

function assignments(setting: string, texts: readonly string[]): readonly string[] {
  return texts.flatMap(assignmentsIn).flatMap(({ name, value }) => (name === setting ? [value] : []));
}
