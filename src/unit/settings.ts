/** What can be read out of unit files without systemd. */
import { parseBoolean } from '../base/boolean.ts';
import { assignmentsIn } from './syntax.ts';

/**
 * The service that a process of that cgroup belongs to: the innermost, as a user's manager is a service itself.
 * @param cgroup /proc/PID/cgroup (cgroups(7)): a line for each hierarchy, of which systemd's is the unnamed or
 * name=systemd, and the other of the two may be there and empty
 */
export function unitOfCgroup(cgroup: string): string | undefined {
  const units = pathsOf(cgroup).map((path) => path.split('/').findLast(isUnit));
  const unit = units.find((each) => each !== undefined);
  return unit?.endsWith('.service') ? unit : undefined;
}

/**
 * Whether what systemd sends to all of the unit of one process reaches the other: it is in the unit's cgroup or below,
 * as with Delegate= it may be (systemd.resource-control(5)). Where there is no unit its own cgroup stands in for it.
 */
export function isInUnitOf(cgroup: string, other: string): boolean {
  const others = pathsOf(other);
  return pathsOf(cgroup).every((path, index) => {
    const parts = path.split('/');
    const unit = parts.slice(0, parts.findLastIndex(isUnit) + 1).join('/') || path;
    return `${others[index]}/`.startsWith(unit.replace(/\/?$/, '/'));
  });
}

function pathsOf(cgroup: string): readonly string[] {
  return cgroup.split('\n').flatMap((line) => /^(?:0:|\d+:name=systemd):(.*)$/s.exec(line)?.[1] ?? []);
}

function isUnit(part: string): boolean {
  return /\.(service|scope)$/.test(part);
}

/**
 * The value of a setting that is on or off: the last assignment of the last text that has one. Undefined where none
 * has, or where it is no boolean, which systemd passes over.
 */
export function lastBoolean(setting: string, texts: readonly string[]): boolean | undefined {
  return assignments(setting, texts)
    .map(parseBoolean)
    .findLast((value) => value !== undefined);
}

/** The value of a setting that is one word: the last assignment, an empty one being none. */
export function lastWord(setting: string, texts: readonly string[]): string | undefined {
  return assignments(setting, texts).at(-1) || undefined;
}

/** Of Type= (systemd.service(5)); any other word systemd passes over. */
const SERVICE_TYPES = ['simple', 'exec', 'forking', 'oneshot', 'dbus', 'notify', 'notify-reload', 'idle'];

/** @param unknown those that the local systemd does not know, and passes over as well */
export function serviceType(texts: readonly string[], unknown: readonly string[] = []): string | undefined {
  const isKnown = (value: string) => SERVICE_TYPES.includes(value) && !unknown.includes(value);
  return assignments('Type', texts).findLast(isKnown);
}

/**
 * The signal, as Node names it, by which systemd asks a unit of these texts to reload: ReloadSignal= of one that is
 * Type=notify-reload (systemd.service(5)).
 * @param numbers of the signals that Node knows, by name: one may be given as its number
 * @param typeElse what it is where they do not say
 * @returns undefined where it is of another type, or the signal is one that Node does not know
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
 * The soft limit of a setting such as LimitNOFILE= (systemd.exec(5)), `1024:524288` or one number for both, in its own
 * unit. Undefined where none is set.
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
