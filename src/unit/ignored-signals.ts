/**
 * Which signals the app would ignore if it were started in our place. Node resets them all when it starts, so we cannot
 * look at our own; but the one that systemd lets a service ignore is known: SIGPIPE, by IgnoreSIGPIPE=, which is on by
 * default (systemd.exec(5)).
 */
import { constants } from 'node:os';
import { lastBoolean } from './settings.ts';

/**
 * By number.
 * @param unit the texts of our unit, undefined where we are no service's
 */
export function ignoredSignals(unit: readonly string[] | undefined): readonly number[] {
  if (unit === undefined || lastBoolean('IgnoreSIGPIPE', unit) === false) return [];
  return [constants.signals.SIGPIPE];
}
