/** What can be read out of unit files without systemd. */
import { parseBoolean } from './boolean.ts';

/**
 * The service that a process of that cgroup belongs to: the innermost, as a user's manager is a service itself.
 * @param cgroup /proc/PID/cgroup (cgroups(7)): a line for each hierarchy, of which systemd's is the unnamed or name=systemd
 */
export function unitOfCgroup(cgroup: string): string | undefined {
  const path = /^(?:0:|\d+:name=systemd):(.*)$/m.exec(cgroup)?.[1];
  const units = path?.split('/').filter((part) => /\.(service|scope)$/.test(part));
  const unit = units?.at(-1);
  return unit?.endsWith('.service') ? unit : undefined;
}

/**
 * The value of a setting that is on or off: the last assignment of the last text that has one. Undefined where none has,
 * or where it is no boolean, which systemd passes over.
 */
export function lastBoolean(setting: string, texts: readonly string[]): boolean | undefined {
  const lines = texts.flatMap((text) => text.split('\n'));
  return lines
    .map((line) => /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line))
    .filter((match) => match?.[1] === setting)
    .map((match) => parseBoolean(match?.[2] ?? ''))
    .findLast((value) => value !== undefined);
}
