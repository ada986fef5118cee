/** Prints texts that are not log records: help, the version, and errors from before the start of the app. */
import { writeSync } from 'node:fs';
import { chooseFormat } from '../log/format.ts';

/** Writes to stdout, without partial writes. */
export function print(text: string): undefined {
  writeAll(1, text);
}

/** Writes `sd-ready-wrap: message` to stderr, in the journal with the priority of an error (sd-daemon(3)). */
export function printError(message: string, env: NodeJS.ProcessEnv): void {
  printAs('<3>', message, env);
}

/** Like {@link printError}, with the priority of a warning. */
export function printWarning(message: string, env: NodeJS.ProcessEnv): void {
  printAs('<4>', message, env);
}

function printAs(priority: string, message: string, env: NodeJS.ProcessEnv): void {
  const prefix = chooseFormat('auto', env) === 'journal' ? priority : '';
  writeAll(2, message.replace(/^/gm, `${prefix}sd-ready-wrap: `).concat('\n'));
}

/** Does not throw if the reader is gone. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  let offset = 0;
  try {
    while (offset < bytes.length) offset += writeSync(fd, bytes, offset);
  } catch {
    // EPIPE, or EBADF if the descriptor is closed
  }
}
