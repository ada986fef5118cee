/**
 * Tests a regex that may need for ever on some line: the wrapper must pass on output and signals meanwhile. A vm script
 * can be stopped (https://nodejs.org/api/vm.html, `timeout`); a plain call cannot.
 */
import { type Context, createContext, Script } from 'node:vm';

/** The most that one call may take, ms. */
const LIMIT = 50;

const script = new Script('lines.some((line) => regex.test(line))');
let context: Context | undefined;

/** @returns whether any line matches; `undefined` where the limit was reached first */
export function anyMatches(regex: RegExp, lines: readonly string[]): boolean | undefined {
  context ??= createContext({});
  context['regex'] = regex;
  context['lines'] = lines;
  try {
    return script.runInContext(context, { timeout: LIMIT }) as boolean;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
    throw error;
  }
}
