/** A process group that was started for one purpose, and is to be gone with it. */
import { readdirSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { orElse } from '../base/or-else.ts';
import { describeProcess, statFields } from '../base/proc.ts';

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
  const pids = readdirSync('/proc').filter((name) => /^\d/.test(name));
  return pids.map(Number).filter(runsIn).map(describeProcess);

  function runsIn(pid: number): boolean {
    const [state = '', , itsGroup] = statFields(pid) ?? [];
    return Number(itsGroup) === group && !'ZX'.includes(state);
  }
}

function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  return orElse(() => process.kill(-group, signal), false);
}
