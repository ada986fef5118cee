/** The wrapper's own log, on stderr, by pino: the only file that imports it. One line for each thing it did. */
import { pino } from 'pino';
import { oneLine } from '../base/one-line.ts';
import { createOutlet } from '../output/outlet.ts';
import { formatJournal, formatPretty, formatStamp, type LogRecord } from './format.ts';
import type { Log, LogFormat } from './types.ts';

/** How long the last lines may take to be written, ms: where nobody reads they never will be. */
const END_LIMIT = 1000;

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
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

export function createLog({ level, format, colours, elapsed }: LogOptions): TerminalLog {
  // a reader that stalls must not stop us, and one that is gone must not end us
  const stderr = createOutlet(2, { onEmpty() {}, onGone() {}, onLost() {} }, false);
  const write = (text: string) => stderr.put(Buffer.from(text));
  const people = (record: LogRecord) =>
    format === 'journal' ? formatJournal(record) : formatPretty(record, colours, elapsed && formatStamp(elapsed()));
  let erase = '';
  const destination = {
    write(line: string) {
      write(format === 'json' ? line : erase + people(JSON.parse(line) as LogRecord));
      erase = '';
    },
  };
  const logger = pino(
    {
      name: 'sd-ready-wrap',
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination,
  );
  return {
    write(at, event, message, fields) {
      // a bug has a stack; all else may hold text from outside
      logger[at]({ event, ...fields }, event === 'bug' ? message : oneLine(message));
    },
    live(text) {
      if (text !== '' || erase !== '') write(erase + (text && cutOff(oneLine(text))));
      erase = text && ERASE;
    },
    async end() {
      const limit = new Promise((resolve) => setTimeout(resolve, END_LIMIT).unref());
      await Promise.race([stderr.written(), limit]);
    },
  };
}
