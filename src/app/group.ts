/** Ends a process group that was started for one purpose. */
import { readdirSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { orElse } from '../base/or-else.ts';
import { describeProcess, statFields } from '../base/proc.ts';

/** ms between two checks. */
const POLL_INTERVAL = 20;

/**
 * Resolves when no process of the group is left, or when the rest was killed.
 * @param patience ms until SIGKILL
 */
export async function endGroup(group: number, patience: number, clock: Clock): Promise<void> {
  const giveUpAt = clock.now() + patience;
  while (membersOf(group).length > 0) {
    if (clock.now() >= giveUpAt) {
      signalGroup(group, 'SIGKILL');
      return;
    }
    await new Promise<void>((resolve) => clock.after(POLL_INTERVAL, resolve));
  }
}

/** Sends SIGTERM to the group, and SIGCONT for its stopped processes. Does nothing if the group is empty. */
export function terminateGroup(group: number): void {
  signalGroup(group, 'SIGTERM');
  signalGroup(group, 'SIGCONT');
}

/** Running processes of the group, e.g. `sleep (pid 77)`, without zombies. */
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
