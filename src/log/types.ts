/** The wrapper's own log as the other modules see it. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogFormat = 'auto' | 'journal' | 'json' | 'pretty';

export interface Log {
  write(level: LogLevel, event: string, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** The last call: resolves once everything is written, or cannot be. */
  end(): Promise<void>;
}
