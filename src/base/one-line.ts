/**
 * Text from outside (names of processes and files, arguments, answers) fit for one line of a log, a terminal or
 * STATUS=: a control character could begin a line of its own, with a priority of its own (sd-daemon(3)), or command a
 * terminal.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
}
