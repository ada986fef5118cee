/** The failures that the wrapper itself can have, each with its exit status. Only cli/main.ts prints them. */
import { EXIT } from './exit-status.ts';
import { oneLine } from './one-line.ts';

/** A failure that the operator can mend: printed as one line, without a stack. */
export class KnownError extends Error {
  /** What the wrapper exits with. */
  readonly code: number;

  constructor(message: string, code: number) {
    super(oneLine(message));
    this.name = 'KnownError';
    this.code = code;
  }
}

/**
 * Bad input: says where it stands, what is wrong with it and what to write instead. Exit status 125, and the app is
 * not started.
 */
export class UsageError extends KnownError {
  /**
   * @param place the option, variable or word at fault, as the operator wrote it: `--tcp 70000`
   * @param problem what is wrong with it
   * @param hint what to write instead, with an example
   */
  constructor(place: string, problem: string, hint: string) {
    super(`${brief(place)}: ${brief(problem)}; ${brief(hint, 400)}`, EXIT.OWN_FAILURE);
    this.name = 'UsageError';
  }
}

/** What an operator wrote, fit for one line on a terminal: without control characters, and not too much of it. */
function brief(text: string, most = 150): string {
  const clean = oneLine(text);
  if (clean.length <= most) return clean;
  const start = clean.slice(0, most);
  // of a quoted word the end was cut as well; `'\\''` in it is a quote of its own
  const isOpen = /^[^']*'(?:[^']|'\\'')*$/.test(start);
  return `${start}…${isOpen ? "'" : ''}`;
}
