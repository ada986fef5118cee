/** Whether JOURNAL_STREAM= is true of the app: it names the stream that leads to the journal (systemd.exec(5)). */
import { fstatSync } from 'node:fs';
import { orElse } from '../base/or-else.ts';
import type { OutputStream } from './types.ts';

/** @param watched these are sockets of our own to the app; the others it inherits */
export function keepsJournalStream(env: NodeJS.ProcessEnv, watched: ReadonlySet<OutputStream>): boolean {
  const named = env['JOURNAL_STREAM'];
  if (named === undefined || watched.size === 0) return true;
  return (['stdout', 'stderr'] as const).some((stream, index) => !watched.has(stream) && isThat(named, index + 1));
}

/** `8:1234`, device and inode. */
function isThat(named: string, fd: number): boolean {
  const found = orElse(() => fstatSync(fd), undefined);
  return named === `${found?.dev}:${found?.ino}`;
}
