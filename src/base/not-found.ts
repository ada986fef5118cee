/** Advice for a command that is not found: usually it was written for a shell. */

import { isExecutable } from './command-path.ts';

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
      'not found (ENOENT); options end at the first word that is not an option: if it belongs to the value before ' +
      `it, quote the whole value, e.g. --stdout 'listening ${command}' --`
    );
  }
  if (/^[A-Za-z_]\w*=/.test(command)) {
    return (
      'not found (ENOENT); only a shell reads variables in front of a command: write ' +
      `Environment=${first} in the unit, or env ${first} before the program`
    );
  }
  if (rest.length > 0 && (!first.includes('/') || isExecutable(first))) {
    return (
      'not found (ENOENT): the quotes make it the name of one program; write the words without quotes around ' +
      `them: -- ${command}`
    );
  }
  if (SHELL_WORDS.has(first)) {
    return (
      `not found (ENOENT): ${first} is a shell command; use WorkingDirectory=, UMask= or Limit...= in the unit, ` +
      `or sh -c '${first} ...'`
    );
  }
  if (command.includes('/')) {
    return 'not found (ENOENT); check that the file exists, and the program named in its #! line';
  }
  return (
    'not found (ENOENT) on PATH; write its absolute path; if it is a script, check that the program in its #! line ' +
    'exists'
  );
}
