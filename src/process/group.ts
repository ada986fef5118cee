/** A process group that was started for one purpose, and is to be gone with it. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Clock } from '../core/clock.ts';

/** Between two looks, ms. */
const LOOK_INTERVAL = 20;

/**
 * Resolves when nobody of the group is left, or they were killed.
 * @param patience ms until they are
 */
export async function endGroup(group: number, patience: number, clock: Clock): Promise<void> {
  const giveUpAt = clock.now() + patience;
  while (lives(group)) {
    if (clock.now() >= giveUpAt) {
      process.kill(-group, 'SIGKILL');
      return;
    }
    await new Promise<void>((resolve) => clock.after(LOOK_INTERVAL, resolve));
  }
}

function lives(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  return readdirSync('/proc').some((pid) => /^\d/.test(pid) && isRunningMember(pid, group));
}

/** The dead whom nobody has waited for yet do not count: /proc/PID/stat has state, parent and group behind the name (proc(5)). */
function isRunningMember(pid: string, group: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(pgrp) === group && !'ZX'.includes(state);
  } catch {
    return false;
  }
}
