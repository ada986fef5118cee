/**
 * Text as unit files want it, so that what comes out of systemd is what went in: "Quoting" in systemd.syntax(7),
 * "Command lines" in systemd.service(5), "Specifiers" in systemd.unit(5).
 */

/** Whether %i and %I stay what systemd fills in, as in a template. */
export interface Specifiers {
  readonly template: boolean;
}

/**
 * A word of ExecStart= behind the first, where `$` stands for a variable whether it is quoted or not.
 * @param variables false on a line whose path has the prefix `:`, where it does not
 */
export function execWord(text: string, specifiers: Specifiers, variables = true): string {
  return withVariables(withoutSpecifiers(text, specifiers), variables);
}

/** The path of a command, without quotes but with its specifiers, where another command has become the first word. */
export function movedPath(path: string, variables: boolean): string {
  return withVariables(path, variables);
}

function withVariables(text: string, variables: boolean): string {
  return quoted(variables ? text.replaceAll('$', '$$$$') : text);
}

/**
 * The first word of ExecStart=, in which no variable is looked for.
 * @returns undefined for a path that systemd refuses whatever is done (string_is_safe() in its source)
 */
export function execPath(path: string, specifiers: Specifiers): string | undefined {
  return /[\p{Cc}"'\\]/u.test(path) ? undefined : quoted(withoutSpecifiers(path, specifiers));
}

/** An assignment of Environment=. */
export function environmentWord(name: string, value: string, specifiers: Specifiers): string {
  return quoted(withoutSpecifiers(`${name}=${value}`, specifiers));
}

/**
 * A setting that is one path, which is not unquoted.
 * @returns undefined for one that cannot be written: a line ends where it does, and white space there is dropped
 */
export function settingPath(path: string, specifiers: Specifiers): string | undefined {
  return /\p{Cc}|[\s\\]$/u.test(path) ? undefined : withoutSpecifiers(path, specifiers);
}

/** Text for people on one line, such as a Description=. */
export function settingText(text: string, most: number, specifiers: Specifiers): string {
  const clean = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  const short = [...clean].length > most ? `${[...clean].slice(0, most).join('')}…` : clean;
  return withoutSpecifiers(short, specifiers).replace(/\\+$/, '');
}

function withoutSpecifiers(text: string, { template }: Specifiers): string {
  return text.replace(template ? /%(?![iI])/g : /%/g, '%%');
}

const MNEMONICS: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r' };

/** In whichever quotes it does not hold itself; escapes count in both kinds. */
function quoted(text: string): string {
  if (/^[\w@%+=:,./$-]+$/.test(text)) return text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is written otherwise
  const escaped = text.replace(/[\\\x00-\x1f\x7f]/g, (char) => MNEMONICS[char] ?? hexadecimal(char));
  if (!escaped.includes("'")) return `'${escaped}'`;
  return `"${escaped.replaceAll('"', '\\"')}"`;
}

function hexadecimal(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
