/** Failures of the wrapper itself, each with its exit status. Only cli/main.ts prints them. */
import { EXIT } from './exit-status.ts';
import { oneLine } from './one-line.ts';

/** A failure that the operator can fix: printed as one line, without a stack. */
export class KnownError extends Error {
  /** The wrapper's exit status. */
  readonly code: number;

  constructor(message: string, code: number) {
    super(oneLine(message));
    this.name = 'KnownError';
    this.code = code;
  }
}

/** Invalid input: the message names the place, the problem and the fix. Exit status 125; the app is not started. */
export class UsageError extends KnownError {
  /**
   * @param place the wrong option, variable or argument as the operator wrote it: `--tcp 70000`
   * @param problem what is wrong with it
   * @param hint what to write instead, with an example
   */
  constructor(place: string, problem: string, hint: string) {
    super(`${brief(place)}: ${brief(problem)}; ${brief(hint, 400)}`, EXIT.OWN_FAILURE);
    this.name = 'UsageError';
  }
}

/** An operator's text for one line on a terminal: no control characters, at most `max` characters. */
function brief(text: string, max = 150): string {
  const clean = oneLine(text);
  if (clean.length <= max) return clean;
  const start = clean.slice(0, max);
  // closes a quoted word that was cut; `'\\''` in it is an escaped quote
  const isOpen = /^[^']*'(?:[^']|'\\'')*$/.test(start);
  return `${start}…${isOpen ? "'" : ''}`;
}
