/**
 * The signal dispositions and limits with which our process was started, and which the app should get. Node changes its
 * own when it starts (PlatformInit in src/node.cc), so they cannot be read here.
 */
import { constants } from 'node:os';
import { limitOf } from '../base/proc.ts';
import { lastBoolean, lastSoftLimit } from './settings.ts';

/**
 * The numbers of the signals that the app should ignore. Node resets them all, but a service ignores only SIGPIPE, by
 * IgnoreSIGPIPE=, which is on by default (systemd.exec(5)).
 * @param unit the texts of our unit's files; undefined if we are not in a service
 */
export function ignoredSignals(unit: readonly string[] | undefined): readonly number[] {
  if (unit === undefined || lastBoolean('IgnoreSIGPIPE', unit) === false) return [];
  return [constants.signals.SIGPIPE];
}

/** systemd's default soft limit for services: FD_SETSIZE (systemd.exec(5)). */
const SYSTEMD_SOFT = 1024;

const LIMIT = 'Max open files';

/**
 * The original soft limit of open files if it was lower than ours. Node raises it to the hard limit, which is bad for
 * programs that use select(2), or that close all possible descriptors.
 * @param unit the texts of our unit's files, empty if unreadable; undefined if we are not in a service: then the
 * parent's limit counts
 * @param manager reads the configuration of the manager that started us
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
  // unknown: a limit that is too low does more harm than one that is too high
  if (unit.length === 0) return undefined;
  return lastSoftLimit('LimitNOFILE', unit) ?? lastSoftLimit('DefaultLimitNOFILE', manager()) ?? SYSTEMD_SOFT;
}

function ofParent(hard: number): number | undefined {
  const parent = limitOf(process.ppid, LIMIT);
  return parent?.hard === hard ? parent.soft : undefined;
}
