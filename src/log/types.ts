/** The wrapper's own log, as the rest of the program sees it. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogFormat = 'auto' | 'journal' | 'json' | 'pretty';

export interface Log {
  write(level: LogLevel, event: string, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** The last: resolves once all is written, or cannot be. */
  end(): Promise<void>;
}
