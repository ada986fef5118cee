/** Queries the host's systemd by systemctl(1). The only file that imports execa, and only when it is needed. */
import { closeSync, openSync } from 'node:fs';

/** Descriptors that spawning a program with three streams needs for a moment, with a reserve. */
const NEEDED = 16;

/** The time limit of one systemctl call, ms. */
const TIMEOUT = 5000;

/** @returns the first line of `systemctl --version`, `systemd 252 (252.39-1~deb12u2)`; undefined without systemd */
export async function systemdVersion(): Promise<string | undefined> {
  return /^systemd \d.*/.exec(await systemctl(['--version'], TIMEOUT))?.[0].trim();
}

/** @returns its stdout; empty if it fails */
async function systemctl(args: readonly string[], timeout: number): Promise<string> {
  return (await runSystemctl(args, timeout))?.stdout ?? '';
}

/** @returns undefined if no descriptors are left for it */
async function runSystemctl(args: readonly string[], timeout: number) {
  const { execa } = await import('execa');
  // without descriptors execa throws, and the child has an 'error' for which no listener can be added
  if (!areDescriptorsLeft()) return undefined;
  // with NOTIFY_SOCKET, a systemctl that fails would send ERRNO= (main-func.h of systemd)
  return execa('systemctl', args, { timeout, reject: false, env: { NOTIFY_SOCKET: undefined } });
}

export interface UnitCat {
  readonly text: string;
  /** systemctl's error message, if it failed. */
  readonly problem: string | undefined;
}

/** The output of `systemctl cat`: the files of a unit as the manager found them, each below its path. */
export async function catUnit(unit: string, manager: 'system' | 'user'): Promise<UnitCat> {
  const flags = manager === 'user' ? ['--user'] : [];
  const result = await runSystemctl([...flags, 'cat', '--no-pager', '--', unit], TIMEOUT);
  if (!result) return { text: '', problem: 'no free file descriptors for systemctl (EMFILE)' };
  const { stdout = '', stderr, exitCode, shortMessage } = result;
  // for a masked unit it succeeds, and stdout has the message
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

/** @param version the text of {@link systemdVersion} */
export function majorVersion(version: string | undefined): number | undefined {
  const digits = /\d+/.exec(version ?? '')?.[0];
  return digits === undefined ? undefined : Number(digits);
}

/** The time limit for listing sockets, ms: a failing unit waits for it. */
const LIST_TIMEOUT = 2000;

/**
 * The `.socket` units that listen on TCP ports now, of the system and the user manager, by port.
 * @param user whether there is a user manager
 */
export async function socketUnits(user: boolean): Promise<ReadonlyMap<number, string>> {
  const lists = await Promise.all(
    [[], ...(user ? [['--user']] : [])].map((manager) =>
      systemctl([...manager, 'list-sockets', '--no-legend', '--no-pager', '--full'], LIST_TIMEOUT),
    ),
  );
  const rows = lists.flatMap((list) => [...list.matchAll(/^\S+:(\d+) +(\S+\.socket)\b/gm)]);
  return new Map(rows.map(([, port, unit]) => [Number(port), unit as string]));
}
