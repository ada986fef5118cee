/** The wrapper's own log, on stderr, by pino: the only file that imports it. One line for each thing it did. */
import { type DestinationStream, pino } from 'pino';
import { openAnew } from '../base/files.ts';
import { formatJournal, formatPretty, formatStamp, type LogRecord } from './format.ts';
import type { Log, LogFormat } from './types.ts';

/** How long the last lines may take to be written, ms: where nobody reads they never will be. */
const END_LIMIT = 1000;

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: Exclude<LogFormat, 'auto'>;
  /** Where the format is for people. */
  readonly colours: boolean;
  /** Told of each EPIPE of our own writes. */
  readonly onEpipe: () => void;
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

export function createLog({ level, format, colours, onEpipe, elapsed }: LogOptions): TerminalLog {
  // not synchronous: a reader that stopped would stop us with it, and signals would not get through
  // a thread that is blocked in a write would not let the process exit
  const stderr = pino.destination({ dest: openAnew(2) ?? 2, sync: false });
  const gone = new Promise<void>((resolve) => {
    stderr.once('close', resolve);
    // a reader that is gone must not end us
    stderr.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') onEpipe();
      resolve();
    });
  });
  const people = (record: LogRecord) =>
    format === 'journal' ? formatJournal(record) : formatPretty(record, colours, elapsed && formatStamp(elapsed()));
  let erase = '';
  const destination: DestinationStream =
    format === 'json'
      ? stderr
      : {
          write(line) {
            stderr.write(erase + people(JSON.parse(line) as LogRecord));
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
      logger[at]({ event, ...fields }, message);
    },
    live(text) {
      if (text !== '' || erase !== '') stderr.write(erase + (text && cutOff(text)));
      erase = text && ERASE;
    },
    async end() {
      stderr.end();
      const timer = new Promise((resolve) => setTimeout(resolve, END_LIMIT).unref());
      await Promise.race([gone, timer]);
      // else it tries on when the process exits, for ever
      stderr.destroy();
    },
  };
}
