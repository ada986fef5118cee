/** Formats log records for the journal and for terminals. */
import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';
import { orElse } from '../base/or-else.ts';
import type { StartRecord } from './start-record.ts';
import type { LogFormat } from './types.ts';

/** A record with pino's names: numbers for levels, `msg` for the message. */
export interface LogRecord {
  readonly level: number;
  readonly msg: string;
  readonly stack?: string;
  /** With READY=1 in a unit: see start-record.ts. */
  readonly start?: StartRecord;
}

/** pino's levels with their syslog priorities (sd-daemon(3)) and terminal colours. */
const LEVELS: Record<number, { readonly priority: number; readonly colour: number }> = {
  20: { priority: 7, colour: 90 },
  30: { priority: 6, colour: 36 },
  40: { priority: 4, colour: 33 },
  50: { priority: 3, colour: 31 },
};

/** `<6>sd-ready-wrap: started the app, pid 12`. The journal adds time and unit. Each line needs the prefix. */
export function formatJournal({ level, msg, stack, start }: LogRecord): string {
  const prefix = `<${LEVELS[level]?.priority ?? 6}>`;
  const text = stack ? `${msg}\n${stack}` : msg;
  // lines on stderr cannot have journal fields, so the record is a line of JSON, which jq can read
  const record = start ? `${prefix}${JSON.stringify({ start })}\n` : '';
  return `${text.replace(/^/gm, `${prefix}sd-ready-wrap: `)}\n${record}`;
}

/** @param stamp goes before the message */
export function formatPretty({ level, msg, stack }: LogRecord, colours = true, stamp = ''): string {
  const name = 'sd-ready-wrap:';
  const coloured = colours ? `\u001b[${LEVELS[level]?.colour ?? 0}m${name}\u001b[0m` : name;
  return `${coloured} ${stamp}${msg}${stack ? `\n${stack}` : ''}\n`;
}

/**
 * `+ 1.234 s  `.
 * @param ms since the start
 */
export function formatStamp(ms: number): string {
  return `+${(Math.max(0, ms) / 1000).toFixed(3).padStart(6)} s  `;
}

/** On a terminal, unless NO_COLOR is set (https://no-color.org). */
export function wantsColours(env: NodeJS.ProcessEnv): boolean {
  return isatty(2) && !env['NO_COLOR'];
}

/** Resolves `auto` for this stderr. */
export function chooseFormat(format: LogFormat, env: NodeJS.ProcessEnv): Exclude<LogFormat, 'auto'> {
  if (format !== 'auto') return format;
  const stderr = orElse(() => fstatSync(2), undefined);
  // JOURNAL_STREAM is device:inode of the stream to the journal (systemd.exec(5))
  if (env['JOURNAL_STREAM'] === `${stderr?.dev}:${stderr?.ino}`) return 'journal';
  // terminals are character devices; so is /dev/null, where the format does not matter
  return stderr?.isCharacterDevice() ? 'pretty' : 'json';
}
