/**
 * Tests a regex that may need for ever on some line: the wrapper must pass on output and signals meanwhile. A vm script
 * can be stopped (https://nodejs.org/api/vm.html, `timeout`); a plain call cannot.
 */
import { type Context, createContext, Script } from 'node:vm';

/** The most that one call may take, ms. */
const LIMIT = 50;

/** Behind the end of a line that has not ended yet, so that `$` does not match before the line really ends there. */
const MORE = '\ufffc';

/** On the unfinished line a match must lie in what is there: the mark behind it is no text of the app's. */
const script = new Script(`
  lines.some((line) => regex.test(line)) || (open !== '' && (
    (match) => match !== null && match.index + match[0].length <= open.length
  )(regex.exec(open + '${MORE}')))
`);
let context: Context | undefined;

/**
 * @param lines finished lines
 * @param open the start of a line that has not ended yet; empty where there is none
 * @returns whether any matches; `undefined` where the limit was reached first
 */
export function anyMatches(regex: RegExp, lines: readonly string[], open = ''): boolean | undefined {
  context ??= createContext({});
  Object.assign(context, { regex, lines, open });
  try {
    return script.runInContext(context, { timeout: LIMIT }) as boolean;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
    throw error;
  }
}
