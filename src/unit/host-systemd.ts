/** The systemd of this host, as systemctl(1) tells. By execa: the only file that imports it, where it is needed. */

import { closeSync, openSync } from 'node:fs';

/** Descriptors that a start of a program with three streams needs for a moment, and some to spare. */
const NEEDED = 16;

/** How long it may take to say so, ms. */
const PATIENCE = 5000;

/** @returns its first line, `systemd 252 (252.39-1~deb12u2)`; undefined where there is none */
export async function systemdVersion(): Promise<string | undefined> {
  return /^systemd \d.*/.exec(await systemctl(['--version'], PATIENCE))?.[0].trim();
}

/** What it prints, which is nothing where it fails. */
async function systemctl(args: readonly string[], timeout: number): Promise<string> {
  return (await called(args, timeout))?.stdout ?? '';
}

/** @returns undefined where no descriptors are left for it */
async function called(args: readonly string[], timeout: number) {
  const { execa } = await import('execa');
  // without descriptors it throws, and its child has an error that nobody could listen for
  if (!areDescriptorsLeft()) return undefined;
  return execa('systemctl', args, { timeout, reject: false });
}

export interface UnitCat {
  readonly text: string;
  /** Why there is none, in systemctl's words. */
  readonly problem: string | undefined;
}

/** The files of a unit as the manager has found them, each below its path: `systemctl cat`. */
export async function catUnit(unit: string, manager: 'system' | 'user'): Promise<UnitCat> {
  const flags = manager === 'user' ? ['--user'] : [];
  const result = await called([...flags, 'cat', '--no-pager', '--', unit], PATIENCE);
  if (!result) return { text: '', problem: 'no free file descriptors for systemctl (EMFILE)' };
  const { stdout = '', stderr, exitCode, shortMessage } = result;
  // of one that is masked it says so on stdout, and succeeds
  const masked = /^# (Unit \S+ (?:is masked|could not be loaded))/.exec(stdout)?.[1];
  const failed = exitCode === 0 ? undefined : stderr?.split('\n').find((line) => line !== '') || shortMessage;
  return { text: stdout, problem: (masked ?? failed)?.replace(/\.$/, '') };
}

function areDescriptorsLeft(): boolean {
  const opened: number[] = [];
  try {
    while (opened.length < NEEDED) opened.push(openSync('/dev/null', 'r'));
    return true;
  } catch {
    return false;
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** @param version as {@link systemdVersion} tells it */
export function majorVersion(version: string | undefined): number | undefined {
  const digits = /\d+/.exec(version ?? '')?.[0];
  return digits === undefined ? undefined : Number(digits);
}

/** How long the managers may take to list their sockets, ms: a unit that fails waits for it. */
const LIST_PATIENCE = 2000;

/**
 * The `.socket` units on whose TCP ports the managers listen themselves, system's and user's, by port.
 * @param user whether there is a user's manager
 */
export async function socketUnits(user: boolean): Promise<ReadonlyMap<number, string>> {
  const lists = await Promise.all(
    [[], ...(user ? [['--user']] : [])].map((manager) =>
      systemctl([...manager, 'list-sockets', '--no-legend', '--no-pager', '--full'], LIST_PATIENCE),
    ),
  );
  const rows = lists.flatMap((list) => [...list.matchAll(/^\S+:(\d+) +(\S+\.socket)\b/gm)]);
  return new Map(rows.map(([, port, unit]) => [Number(port), unit as string]));
}
