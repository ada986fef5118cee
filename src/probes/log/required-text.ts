/** Finds a text that each match of a regex contains. A line without it needs no test by the regex, which is slower. */

/** Shorter texts occur in too many lines. */
const LENGTH_MIN = 3;

/**
 * @returns an ASCII text that is part of each match: the longest run of plain characters outside of groups; undefined
 * if there is none, or if this parser does not understand the regex
 */
export function requiredText({ source, flags }: RegExp): string | undefined {
  if (/[iuv]/.test(flags)) return undefined;
  let best = '';
  let run = '';
  const endRun = () => {
    if (run.length > best.length) best = run;
    run = '';
  };
  for (let rest = source; rest !== ''; ) {
    const [part] = PART.exec(rest) ?? [];
    // a group in a group, alternatives, a back-reference
    if (part === undefined) return undefined;
    rest = rest.slice(part.length);
    if (/^[ -~]$/.test(part) && !/[.^$*+?]/.test(part)) run += part;
    else if (/^\\[!-~]/.test(part) && !/\w$/.test(part)) run += part.charAt(1);
    else {
      // a character that may occur zero times is not required
      if (/^[*?{]/.test(part)) run = run.slice(0, -1);
      endRun();
    }
  }
  endRun();
  return best.length < LENGTH_MIN ? undefined : best;
}

/**
 * The next part of a regex: an escape for a character or a class, a class, a group without another group in it, a
 * quantifier in braces, or one character.
 */
const ESCAPE = /\\[^\w\s]|\\[dDwWsSbB]/;
const CLASS = /\[(?:[^\]\\]|\\.)*\]/;
const PART = new RegExp(
  String.raw`^(?:${ESCAPE.source}|${CLASS.source}|\((?:[^()[\]\\]|\\.|${CLASS.source})*\)|\{\d+,?\d*\}|[^\\[(){}|\]])`,
  's',
);
