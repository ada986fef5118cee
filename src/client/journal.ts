/** Lines for the journal, by way of stderr: with their level where that is the journal's (sd-daemon(3)). */
import { writeSync } from 'node:fs';

/** @param level a priority of syslog(3), from 0 to 7 */
export function journalPrint(level: number, message: string): void {
  const prefix = process.env['JOURNAL_STREAM'] === undefined ? '' : `<${Number(level) & 7}>`;
  const lines = message.split('\n').map((line) => `${prefix}${line}\n`);
  try {
    writeSync(2, lines.join(''));
  } catch {
    // nobody reads it
  }
}
