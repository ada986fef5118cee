/**
 * Text from outside (names of processes and files, arguments, responses) for one line of a log, a terminal or STATUS=.
 * A control character could start another line with another priority (sd-daemon(3)), or control the terminal.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
}
