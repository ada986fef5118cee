/** JOURNAL_STREAM= names the stream that is connected to the journal (systemd.exec(5)). */
import { fstatSync } from 'node:fs';
import { orElse } from '../base/or-else.ts';
import type { OutputStream } from './types.ts';

/**
 * Whether the app inherits the stream that JOURNAL_STREAM= names.
 * @param watched the app does not inherit these: it gets sockets to the wrapper
 */
export function keepsJournalStream(env: NodeJS.ProcessEnv, watched: ReadonlySet<OutputStream>): boolean {
  const named = env['JOURNAL_STREAM'];
  if (named === undefined || watched.size === 0) return true;
  return (['stdout', 'stderr'] as const).some((stream, index) => !watched.has(stream) && isNamedBy(named, index + 1));
}

/** @param named device and inode: `8:1234` */
function isNamedBy(named: string, fd: number): boolean {
  const found = orElse(() => fstatSync(fd), undefined);
  return named === `${found?.dev}:${found?.ino}`;
}
