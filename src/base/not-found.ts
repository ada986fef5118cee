/** Advice for a command that is not found: usually it was written for a shell. */

/** Commands that only a shell has (POSIX, Shell Command Language, 2.14 and XBD "intrinsic utilities"). */
const SHELL_WORDS: ReadonlySet<string> = new Set(['cd', 'source', '.', 'export', 'exec', 'set', 'ulimit', 'umask']);

/**
 * @param args arguments of the command
 * @returns the message after `cannot start COMMAND: `
 */
export function notFound(command: string, args: readonly string[] = []): string {
  const [first = '', ...rest] = command.trim().split(/\s+/);
  if (args.includes('--')) {
    return (
      'not found (ENOENT); options end at the first word that is not one: if it belongs to the value of the ' +
      `option before it, quote that, e.g. --stdout 'listening ${command}' --`
    );
  }
  if (/^[A-Za-z_]\w*=/.test(command)) {
    return (
      `not found (ENOENT); variables in front are for a shell: Environment=${first} in the unit, or ` +
      `env ${first} before the program`
    );
  }
  if (rest.length > 0 && !first.includes('/')) {
    return (
      `not found (ENOENT), as one program of that name; write its words apart, without quotes around ` +
      `them all: -- ${command}`
    );
  }
  if (SHELL_WORDS.has(first)) {
    return (
      `not found (ENOENT), as it is for a shell: WorkingDirectory=, UMask= and Limit...= in the unit, ` +
      `or sh -c '${first} ...'`
    );
  }
  if (command.includes('/')) {
    return 'not found (ENOENT); see that it is there, and the program named in its #! line too';
  }
  return 'not found (ENOENT); give its absolute path, and see that the program named in its #! line exists';
}
