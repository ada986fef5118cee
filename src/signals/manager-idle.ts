/** Whether the manager is busy: our parent, which is systemd if we are a service. */
import { stateOf } from '../base/proc.ts';
import { now, pause } from '../base/real-clock.ts';

/** How long to wait for a busy manager, ms. It may be busy with other work. */
export const PATIENCE = 250;

/**
 * How long the manager counts as busy if its state is hidden (ProtectProc=), ms. With 20, one SIGTERM of 33 came twice
 * on a machine with twenty processes waiting for each core.
 */
const UNSEEN = 100;

/** The time between two checks, ms. */
export const CHECK_INTERVAL = 1;

/**
 * The manager sleeps when it has no more work.
 * @param elapsed the time since it got work, ms
 */
export function managerIsBusy(elapsed: number): boolean {
  const state = stateOf(process.ppid);
  return state === undefined ? elapsed < UNSEEN : state !== 'S';
}

/** Resolves when the manager has processed all earlier notifications: a datagram wakes it at once. */
export async function managerIdle(): Promise<void> {
  const since = now();
  const elapsed = () => now() - since;
  while (elapsed() < PATIENCE && managerIsBusy(elapsed())) await pause(CHECK_INTERVAL);
}
