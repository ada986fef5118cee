/**
 * Tests a regex that may need for ever on some line: the wrapper must pass on output and signals meanwhile. A vm script
 * can be stopped (https://nodejs.org/api/vm.html, `timeout`); a plain call cannot.
 */
import { type Context, createContext, Script } from 'node:vm';

/** The most that one call may take, ms. */
const LIMIT = 50;

/**
 * Behind the end of a line that has not ended yet, so that `$` does not match before the line really ends there, nor
 * `\b` where a word may go on: what follows may be a letter or not.
 */
const MORE = ['\ufffc', 'x'];

type Look = (regex: RegExp, lines: readonly string[], open: string, more: readonly string[]) => boolean;

/**
 * On the unfinished line a match must lie in what is there, whatever of `more` follows: that is no text of the app's.
 */
const look: Look = (regex, lines, open, more) => {
  if (lines.some((line) => regex.test(line))) return true;
  if (open === '') return false;
  return more.every((next) => {
    const match = regex.exec(open + next);
    return match !== null && match.index + match[0].length <= open.length;
  });
};

const script = new Script(`(${look})(regex, lines, open, more)`);
let context: Context | undefined;

/**
 * - `match`, `none`: as it says.
 * - `too-slow`: the regex worked for as long as the limit allows.
 * - starved: the limit passed, but the processor was with others for most of it: the regex has hardly been asked. Ask
 *   again.
 */
export type Verdict = 'match' | 'none' | 'too-slow' | Starved;

export interface Starved {
  /** What the regex has had of the processor for these lines so far, ms. */
  readonly spent: number;
}

/**
 * @param lines finished lines
 * @param open the start of a line that has not ended yet; empty where there is none
 * @param spent by earlier looks at these lines, ms: on a machine that is never quiet a slow regex shows after several
 */
export function anyMatches(regex: RegExp, lines: readonly string[], open = '', spent = 0): Verdict {
  // a look by the vm starts a thread
  if (lines.length === 0 && open === '') return 'none';
  if (isStraight(regex)) return look(regex, lines, open, MORE) ? 'match' : 'none';
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
 * Whether it is plain text, but for anchors: then it can do no more than compare itself once at each place of a line,
 * and the limit, which starts a thread for every look, can be spared. `listening on` is, `\d+` and `a|b` are not.
 */
function isStraight({ source }: RegExp): boolean {
  return !/[*+?{(|[.]|\\[\dk]/.test(source.replace(/\\[^\dk]/g, ''));
}
