/**
 * What our process was started with, and would be the app's if it were started in our place. Node changes it as it
 * starts (PlatformInit of its src/node.cc), so we cannot look at our own.
 */
import { constants } from 'node:os';
import { limitOf } from '../base/proc.ts';
import { lastBoolean, lastSoftLimit } from './settings.ts';

/**
 * The signals that it would ignore, by number. Node resets them all; but the one that systemd lets a service ignore is
 * known: SIGPIPE, by IgnoreSIGPIPE=, which is on by default (systemd.exec(5)).
 * @param unit the texts of our unit, undefined where we are no service's
 */
export function ignoredSignals(unit: readonly string[] | undefined): readonly number[] {
  if (unit === undefined || lastBoolean('IgnoreSIGPIPE', unit) === false) return [];
  return [constants.signals.SIGPIPE];
}

/** What systemd gives a service that asks for nothing else, whatever it has itself: FD_SETSIZE (systemd.exec(5)). */
const SYSTEMD_SOFT = 1024;

const LIMIT = 'Max open files';

/**
 * The soft limit of open files, where it is known to have been lower than ours is. Node raises it to the hard one: bad
 * for a program that was made for select(2), or that closes all that it may have open.
 * @param unit the texts of our unit, none where they are out of reach; undefined where we are no service's: then it is
 * that of the parent
 * @param manager the configuration of the manager that started it
 */
export function softOpenFilesLimit(
  unit: readonly string[] | undefined,
  manager: () => readonly string[],
): number | undefined {
  const own = limitOf('self', LIMIT);
  if (own === undefined) return undefined;
  const soft = unit === undefined ? ofParent(own.hard) : ofUnit(unit, manager);
  return soft !== undefined && soft < own.soft ? soft : undefined;
}

function ofUnit(unit: readonly string[], manager: () => readonly string[]): number | undefined {
  // a limit that is too low does more harm than one that is too high
  if (unit.length === 0) return undefined;
  return lastSoftLimit('LimitNOFILE', unit) ?? lastSoftLimit('DefaultLimitNOFILE', manager()) ?? SYSTEMD_SOFT;
}

function ofParent(hard: number): number | undefined {
  const parent = limitOf(process.ppid, LIMIT);
  return parent?.hard === hard ? parent.soft : undefined;
}
