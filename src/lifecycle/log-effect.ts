import type { LogLevel } from '../log/types.ts';
import type { LogEffect } from './words.ts';

export function log(
  level: LogLevel,
  event: string,
  message: string,
  fields: Readonly<Record<string, unknown>>,
): LogEffect {
  return { type: 'log', level, event, message, fields };
}
