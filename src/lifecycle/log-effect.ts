/** Makes the log lines of the lifecycle. */
import type { LogEffect, LogLevel } from './words.ts';

export function log(
  level: LogLevel,
  event: string,
  message: string,
  fields: Readonly<Record<string, unknown>>,
): LogEffect {
  return { type: 'log', level, event, message, fields };
}
