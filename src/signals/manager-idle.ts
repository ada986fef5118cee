/** What the manager does at the moment: our parent, systemd where we are a service. */
import { statFields } from '../base/proc.ts';
import { now, pause } from '../base/real-clock.ts';

/** How long it may be busy before it is taken to be done, ms. It may have other things to do. */
export const PATIENCE = 250;

/**
 * What is taken for its time where we may not see whether it is busy (ProtectProc=), ms. With 20, one SIGTERM of 33
 * came twice on a machine with twenty processes waiting for each core.
 */
const UNSEEN = 100;

/** Between two looks, ms. */
export const LOOK_INTERVAL = 1;

/**
 * Whether it does anything now: it sleeps when it has no more to do.
 * @param elapsed since there has been something to do for it, ms
 */
export function managerIsBusy(elapsed: number): boolean {
  const state = statFields(process.ppid)?.[0];
  return state === undefined ? elapsed < UNSEEN : state !== 'S';
}

/** Resolves when it has dealt with what it was sent before: a datagram wakes it at once. */
export async function managerIdle(): Promise<void> {
  const since = now();
  const elapsed = () => now() - since;
  while (elapsed() < PATIENCE && managerIsBusy(elapsed())) await pause(LOOK_INTERVAL);
}
