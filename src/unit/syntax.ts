/** Parses unit files as systemd does: systemd.syntax(7), config_parse() and parse_line() in its source. */

export interface Assignment {
  /** `Service`; empty before the first section, where systemd ignores the assignment. */
  readonly section: string;
  readonly name: string;
  /** Trimmed, with continued lines joined. Quotes, escapes and specifiers are unchanged. */
  readonly value: string;
}

export function assignmentsIn(text: string): readonly Assignment[] {
  const found: Assignment[] = [];
  let section = '';
  for (const line of logicalLines(text).map(strip)) {
    if (line.startsWith('[') && line.endsWith(']')) {
      section = line.slice(1, -1);
      continue;
    }
    const at = line.indexOf('=');
    if (at > 0) found.push({ section, name: strip(line.slice(0, at)), value: strip(line.slice(at + 1)) });
  }
  return found;
}

/**
 * A backslash at the end of a line continues it and becomes a space. Comment lines in between are skipped; a blank line
 * ends it.
 */
function logicalLines(text: string): readonly string[] {
  const lines: string[] = [];
  let begun: string[] = [];
  for (const line of text.replace(/^\ufeff/, '').split(/\r\n?|\n\r?|\0/)) {
    if (/^[ \t]*[#;]/.test(line)) continue;
    const isContinued = endsInBackslash(line);
    begun.push(isContinued ? line.slice(0, -1) : line);
    if (isContinued) continue;
    lines.push(begun.join(' '));
    begun = [];
  }
  return begun.length > 0 ? [...lines, begun.join(' ')] : lines;
}

/** An escaped backslash (two of them) does not continue the line. */
function endsInBackslash(line: string): boolean {
  let at = line.length;
  while (line[at - 1] === '\\') at -= 1;
  return (line.length - at) % 2 === 1;
}

/** systemd's white space only: a no-break space is part of a value. */
export function isBlank(char: string | undefined): boolean {
  return char === ' ' || char === '\t' || char === '\n' || char === '\r';
}

function strip(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && isBlank(text[from])) from += 1;
  while (to > from && isBlank(text[to - 1])) to -= 1;
  return text.slice(from, to);
}
