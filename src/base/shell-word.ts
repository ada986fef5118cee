/** A word as it is written in a command line of sh, bash and zsh. */

/** Between single quotes, which is right for any text (POSIX, Shell Command Language, 2.2.2). */
export function quotedShellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** In quotes only where it has to be; what stands for file names in one of them has to be, and zsh's `=`. */
export function shellWord(text: string): string {
  return /^[\w@%+:,./-][\w@%+=:,./-]*$/.test(text) ? text : quotedShellWord(text);
}
