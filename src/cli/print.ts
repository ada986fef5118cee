/**
 * Texts for people that are no log records: help, the version, and the one line of a failure before the app started.
 */
import { writeSync } from 'node:fs';
import { chooseFormat } from '../log/format.ts';

/** To stdout, whole. */
export function print(text: string): undefined {
  writeAll(1, text);
}

/** To stderr: `sd-ready-wrap: message`, in the journal with the priority of an error (sd-daemon(3)). */
export function printError(message: string, env: NodeJS.ProcessEnv): void {
  printAs('<3>', message, env);
}

/** The same with the priority of a warning. */
export function printNote(message: string, env: NodeJS.ProcessEnv): void {
  printAs('<4>', message, env);
}

function printAs(priority: string, message: string, env: NodeJS.ProcessEnv): void {
  const prefix = chooseFormat('auto', env) === 'journal' ? priority : '';
  writeAll(2, message.replace(/^/gm, `${prefix}sd-ready-wrap: `).concat('\n'));
}

/** A reader that is gone is no failure of ours. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  let offset = 0;
  try {
    while (offset < bytes.length) offset += writeSync(fd, bytes, offset);
  } catch {
    // EPIPE, or EBADF where the descriptor is closed
  }
}
