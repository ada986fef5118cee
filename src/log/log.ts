/**
 * The wrapper's own log, on stderr: one line for each thing it did. JSON is by pino, and this is the only file that
 * imports it, and only for that: it takes as long to load as all that a start needs else.
 */
import { oneLine } from '../base/one-line.ts';
import { createOutlet } from '../output/outlet.ts';
import { formatJournal, formatPretty, formatStamp, type LogRecord } from './format.ts';
import type { Log, LogFormat, LogLevel } from './types.ts';

/** How long the last lines may take to be written, ms: where nobody reads they never will be. */
const END_LIMIT = 1000;

/** As pino has them. */
const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50 };

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: Exclude<LogFormat, 'auto'>;
  /** Where the format is for people. */
  readonly colours: boolean;
  /** How long ago the app was started, ms: given where a log for people is to say when. */
  readonly elapsed?: (() => number) | undefined;
}

export interface TerminalLog extends Log {
  /** The last line of the terminal, which the next one takes the place of: what goes on just now. Empty for none. */
  live(text: string): void;
}

/**
 * Back to the first column, and nothing behind it; text that is not wrapped but cut off at the edge (DECAWM of xterm).
 */
const ERASE = '\r\u001b[K';
const cutOff = (text: string) => `\u001b[?7l${text}\u001b[?7h`;

export async function createLog({ level, format, colours, elapsed }: LogOptions): Promise<TerminalLog> {
  // a reader that stalls must not stop us, and one that is gone must not end us
  const stderr = createOutlet(2, { onEmpty() {}, onGone() {}, onLost() {} }, false);
  const put = (text: string) => stderr.put(Buffer.from(text));
  const people = (record: LogRecord) =>
    format === 'journal' ? formatJournal(record) : formatPretty(record, colours, elapsed && formatStamp(elapsed()));
  let erase = '';
  const logger: Pick<Log, 'write'> =
    format === 'json'
      ? await jsonLog(level, put)
      : {
          write(at, _event, msg, fields) {
            if (LEVELS[at] < LEVELS[level]) return;
            put(erase + people({ ...fields, level: LEVELS[at], msg }));
            erase = '';
          },
        };
  return {
    write(at, event, message, fields) {
      // a bug has a stack; all else may hold text from outside
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
