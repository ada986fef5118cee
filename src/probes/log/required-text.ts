/** What a regex cannot do without: a cheap look for that spares most lines the regex. */

/** Shorter ones are found everywhere. */
const LENGTH_MIN = 3;

/**
 * @returns a text in ASCII that is part of whatever the regex matches: the longest run of plain characters outside of
 * groups; undefined where there is none, or where the regex has anything that is not understood here
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
      // what may be there no time at all does not count
      if (/^[*?{]/.test(part)) run = run.slice(0, -1);
      endRun();
    }
  }
  endRun();
  return best.length < LENGTH_MIN ? undefined : best;
}

/**
 * The next part of a regex: an escape that stands for a character or a class of them, a class, a group without another
 * in it, a quantifier in braces, or one character.
 */
const ESCAPE = /\\[^\w\s]|\\[dDwWsSbB]/;
const CLASS = /\[(?:[^\]\\]|\\.)*\]/;
const PART = new RegExp(
  String.raw`^(?:${ESCAPE.source}|${CLASS.source}|\((?:[^()[\]\\]|\\.|${CLASS.source})*\)|\{\d+,?\d*\}|[^\\[(){}|\]])`,
  's',
);
