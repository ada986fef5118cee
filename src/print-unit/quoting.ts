/**
 * Quotes text for unit files, so that systemd reads exactly that text: "Quoting" in systemd.syntax(7), "Command lines"
 * in systemd.service(5), "Specifiers" in systemd.unit(5).
 */

/** Whether systemd replaces %i and %I, as in a template. Any other % is escaped. */
export interface Specifiers {
  readonly template: boolean;
}

/**
 * A word of ExecStart= after the first. `$` starts a variable even in quotes, so it is escaped.
 * @param variables false on a line whose path has the prefix `:`, which disables variables
 */
export function execWord(text: string, specifiers: Specifiers, variables = true): string {
  return movedPath(withoutSpecifiers(text, specifiers), variables);
}

/** The path of a command after the first word. systemd still expands its specifiers. */
export function movedPath(path: string, variables: boolean): string {
  return quoted(variables ? path.replaceAll('$', '$$$$') : path);
}

/**
 * The first word of ExecStart=, in which systemd expands no variables.
 * @returns undefined for a path that systemd refuses in any form (string_is_safe() in its source)
 */
export function execPath(path: string, specifiers: Specifiers): string | undefined {
  return /[\p{Cc}"'\\]/u.test(path) ? undefined : quoted(withoutSpecifiers(path, specifiers));
}

/** An assignment of Environment=. */
export function environmentWord(name: string, value: string, specifiers: Specifiers): string {
  return quoted(withoutSpecifiers(`${name}=${value}`, specifiers));
}

/**
 * A setting whose value is one path, which systemd does not unquote.
 * @returns undefined for a path with control characters, or with white space or a backslash at its end
 */
export function settingPath(path: string, specifiers: Specifiers): string | undefined {
  return /\p{Cc}|[\s\\]$/u.test(path) ? undefined : withoutSpecifiers(path, specifiers);
}

/** Free text on one line, such as Description=, of at most `most` characters. */
export function settingText(text: string, most: number, specifiers: Specifiers): string {
  const clean = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  const short = [...clean].length > most ? `${[...clean].slice(0, most).join('')}…` : clean;
  return withoutSpecifiers(short, specifiers).replace(/\\+$/, '');
}

function withoutSpecifiers(text: string, { template }: Specifiers): string {
  return text.replace(template ? /%(?![iI])/g : /%/g, '%%');
}

const MNEMONICS: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r' };

/** In single quotes, or in double quotes if it has a single one; escapes count in both kinds. */
function quoted(text: string): string {
  if (/^[\w@%+=:,./$-]+$/.test(text)) return text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are escaped
  const escaped = text.replace(/[\\\x00-\x1f\x7f]/g, (char) => MNEMONICS[char] ?? hexadecimal(char));
  if (!escaped.includes("'")) return `'${escaped}'`;
  return `"${escaped.replaceAll('"', '\\"')}"`;
}

function hexadecimal(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
