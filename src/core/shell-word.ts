/** A word as it is written in a command line of sh, bash and zsh. */

/** Between single quotes, which is right for any text (POSIX, Shell Command Language, 2.2.2). */
export function quotedShellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** In quotes only where it has to be; brackets are left, as nobody quotes `[::1]:3000`. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./[\]-]+$/.test(text) ? text : quotedShellWord(text);
}
