/** A process group that was started for one purpose, and is to be gone with it. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';

/** Between two looks, ms. */
const LOOK_INTERVAL = 20;

/**
 * Resolves when nobody of the group is left, or they were killed.
 * @param patience ms until they are
 */
export async function endGroup(group: number, patience: number, clock: Clock): Promise<void> {
  const giveUpAt = clock.now() + patience;
  while (membersOf(group).length > 0) {
    if (clock.now() >= giveUpAt) {
      signalGroup(group, 'SIGKILL');
      return;
    }
    await new Promise<void>((resolve) => clock.after(LOOK_INTERVAL, resolve));
  }
}

/** Asks all of the group to end, one that is stopped too. Nothing happens where nobody is left. */
export function askGroupToEnd(group: number): void {
  signalGroup(group, 'SIGTERM');
  signalGroup(group, 'SIGCONT');
}

/** Who of it runs: `sleep (pid 77)`. The dead whom nobody has waited for yet do not count. */
export function membersOf(group: number): readonly string[] {
  if (!signalGroup(group, 0)) return [];
  return readdirSync('/proc').flatMap((pid) => (/^\d/.test(pid) ? (runningMember(pid, group) ?? []) : []));
}

function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

/** /proc/PID/stat has state, parent and group behind the name (proc(5)). */
function runningMember(pid: string, group: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const nameEnd = stat.lastIndexOf(')');
    const [state = '', , pgrp] = stat.slice(nameEnd + 2).split(' ');
    if (Number(pgrp) !== group || 'ZX'.includes(state)) return undefined;
    return `${stat.slice(stat.indexOf('(') + 1, nameEnd)} (pid ${pid})`;
  } catch {
    return undefined;
  }
}
