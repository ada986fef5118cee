/** Writes lines to stderr, each with its level if stdout or stderr is connected to the journal (sd-daemon(3)). */
import { writeSync } from 'node:fs';

/** @param level a priority of syslog(3), from 0 to 7 */
export function journalPrint(level: number, message: string): void {
  const prefix = process.env['JOURNAL_STREAM'] === undefined ? '' : `<${Number(level) & 7}>`;
  const lines = message.split('\n').map((line) => `${prefix}${line}\n`);
  try {
    writeSync(2, lines.join(''));
  } catch {
    // the reader of stderr is gone
  }
}
