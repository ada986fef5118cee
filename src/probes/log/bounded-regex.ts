/**
 * Tests a regex with a time limit: it may backtrack for ever on some line, but the wrapper must keep relaying output
 * and signals. A vm script can be stopped (https://nodejs.org/api/vm.html, `timeout`); a plain call cannot.
 */
import { type Context, createContext, Script } from 'node:vm';

/** The time limit of one call, ms. */
const LIMIT = 50;

/**
 * Appended to an unfinished line, one after the other, so that `$` does not match before the line ends, and `\b` not
 * if the word may continue: the next character may be a letter or not.
 */
const MORE = ['\ufffc', 'x'];

type Matcher = (regex: RegExp, lines: readonly string[], open: string, more: readonly string[]) => boolean;

/** On the unfinished line a match counts if each of `more` allows it and it lies within the app's own text. */
const matches: Matcher = (regex, lines, open, more) => {
  if (lines.some((line) => regex.test(line))) return true;
  if (open === '') return false;
  return more.every((next) => {
    const match = regex.exec(open + next);
    return match !== null && match.index + match[0].length <= open.length;
  });
};

const script = new Script(`(${matches})(regex, lines, open, more)`);
let context: Context | undefined;

/**
 * - `match`, `none`: the result.
 * - `too-slow`: the regex ran until the limit.
 * - Starved: the limit passed, but other processes used the CPU for most of it, so the regex has hardly run. Try again.
 */
export type Verdict = 'match' | 'none' | 'too-slow' | Starved;

export interface Starved {
  /** CPU time of the regex for these lines so far, ms. */
  readonly spent: number;
}

/**
 * @param lines finished lines
 * @param open the start of a line that has not ended yet; empty if there is none
 * @param spent CPU time of earlier tries on these lines, ms: on a busy machine a slow regex shows after several tries
 */
export function anyMatches(regex: RegExp, lines: readonly string[], open = '', spent = 0): Verdict {
  // a vm call with a timeout starts a thread
  if (lines.length === 0 && open === '') return 'none';
  if (isPlainText(regex)) return matches(regex, lines, open, MORE) ? 'match' : 'none';
  context ??= createContext({});
  Object.assign(context, { regex, lines, open, more: MORE });
  const before = process.cpuUsage();
  try {
    return script.runInContext(context, { timeout: LIMIT }) ? 'match' : 'none';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    const { user, system } = process.cpuUsage(before);
    const now = spent + (user + system) / 1000;
    return now < LIMIT / 2 ? { spent: now } : 'too-slow';
  }
}

/**
 * Whether the regex is plain text, apart from anchors: it then compares once at each position of a line and needs no
 * limit, which would start a thread for each call. `listening on` is, `\d+` and `a|b` are not.
 */
function isPlainText({ source }: RegExp): boolean {
  return !/[*+?{(|[.]|\\[\dk]/.test(source.replace(/\\[^\dk]/g, ''));
}
