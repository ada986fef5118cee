/** Makes the log lines of the lifecycle. */
import type { LogEffect, LogLevel } from './life.ts';

export function log(
  level: LogLevel,
  event: string,
  message: string,
  fields: Readonly<Record<string, unknown>>,
): LogEffect {
  return { type: 'log', level, event, message, fields };
}
