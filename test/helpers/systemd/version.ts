import { spawnSync } from 'node:child_process';
import { test } from 'vitest';

/** The version of this host's systemd, e.g. 252, or of the one in the tree at PS_ROOT. NaN without systemd. */
export const SYSTEMD_VERSION = Number(/^systemd (\d+)/.exec(systemctlVersion())?.[1]);

function systemctlVersion(): string {
  const tree = process.env['PS_ROOT'];
  const [command, ...words] = tree ? ['chroot', tree, 'systemctl', '--version'] : ['systemctl', '--version'];
  return spawnSync(command as string, words, { encoding: 'utf8' }).stdout ?? '';
}

/** Registers a test of what systemd can do since this version; an older systemd is never asked. */
export function testSince(version: number, title: string, run: () => Promise<void>): void {
  if (SYSTEMD_VERSION >= version) test(title, run);
}
