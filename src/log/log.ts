/**
 * The wrapper's own log on stderr. Only this file imports pino, and only for JSON, because loading it takes as long as
 * loading everything else that a start needs.
 */
import { oneLine } from '../base/one-line.ts';
import { createOutlet } from '../output/outlet.ts';
import { formatJournal, formatPretty, formatStamp, type LogRecord } from './format.ts';
import type { Log, LogFormat, LogLevel } from './types.ts';

/** ms for writing the last lines. If stderr has a reader that does not read, they can never be written. */
const END_LIMIT = 1000;

/** pino's numbers. */
const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50 };

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: Exclude<LogFormat, 'auto'>;
  /** For `pretty`. */
  readonly colours: boolean;
  /** ms since the start of the app. With it, each line of `pretty` has a time. */
  readonly elapsed?: (() => number) | undefined;
}

export interface TerminalLog extends Log {
  /** Shows the current state in the terminal's last line, until the next line replaces it. Empty for none. */
  live(text: string): void;
}

/** Erases the current line. */
const ERASE = '\r\u001b[K';
/** Prevents wrapping at the right edge (DECAWM of xterm). */
const cutOff = (text: string) => `\u001b[?7l${text}\u001b[?7h`;

export async function createLog({ level, format, colours, elapsed }: LogOptions): Promise<TerminalLog> {
  // a stalled reader must not block the wrapper, and a reader that is gone must not end it
  const stderr = createOutlet(2, { onEmpty() {}, onGone() {}, onLost() {} }, false);
  const put = (text: string) => stderr.put(Buffer.from(text));
  const formatText = (record: LogRecord) =>
    format === 'journal' ? formatJournal(record) : formatPretty(record, colours, elapsed && formatStamp(elapsed()));
  let erase = '';
  const logger: Pick<Log, 'write'> =
    format === 'json'
      ? await jsonLog(level, put)
      : {
          write(at, _event, msg, fields) {
            if (LEVELS[at] < LEVELS[level]) return;
            put(erase + formatText({ ...fields, level: LEVELS[at], msg }));
            erase = '';
          },
        };
  return {
    write(at, event, message, fields) {
      // a bug has a stack with several lines; other messages may contain text from outside
      logger.write(at, event, event === 'bug' ? message : oneLine(message), fields);
    },
    live(text) {
      if (text !== '' || erase !== '') put(erase + (text && cutOff(oneLine(text))));
      erase = text && ERASE;
    },
    async end() {
      const limit = new Promise((resolve) => setTimeout(resolve, END_LIMIT).unref());
      await Promise.race([stderr.written(), limit]);
    },
  };
}

async function jsonLog(level: LogLevel, put: (line: string) => void): Promise<Pick<Log, 'write'>> {
  const { pino } = await import('pino');
  const options = {
    name: 'sd-ready-wrap',
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  const logger = pino(options, { write: put });
  return { write: (at, event, message, fields) => logger[at]({ event, ...fields }, message) };
}
