/** Quotes a word for a command line of sh, bash and zsh. */

/** In single quotes, which works for any text (POSIX, Shell Command Language, 2.2.2). */
export function quotedShellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Quoted only if necessary: e.g. if it contains a glob character of any of these shells, or begins with `=` (zsh). */
export function shellWord(text: string): string {
  return /^[\w@%+:,./-][\w@%+=:,./-]*$/.test(text) ? text : quotedShellWord(text);
}
