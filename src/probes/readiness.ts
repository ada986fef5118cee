/** Combines several readiness probes into one. */
import type { ReadinessProbe } from './probe.ts';

/** Whether all probes must be ready, or one is enough. */
export type ReadyWhen = 'all' | 'any';

export interface Readiness {
  /** For the log: `tcp 127.0.0.1:3000 and ipc "ready"`. */
  readonly name: string;
  /** The probes that are not ready, each with its last reason: `tcp 127.0.0.1:3000: ECONNREFUSED; ipc "ready"`. */
  waitingFor(): string;
  /**
   * May be called again: each call starts anew. Resolves once ready, with the names of the ready probes. Aborting
   * `signal` stops every probe.
   */
  wait(signal: AbortSignal): Promise<string>;
}

/** Ready when `all` or `any` of the probes are ready; the others are then stopped. */
export function combine(probes: readonly ReadinessProbe[], when: ReadyWhen): Readiness {
  const open = new Set(probes);
  return {
    name: probes.map((probe) => probe.name).join(when === 'all' ? ' and ' : ' or '),
    waitingFor: () =>
      [...open].map((probe) => (probe.reason === '' ? probe.name : `${probe.name}: ${probe.reason}`)).join('; '),
    async wait(signal) {
      for (const probe of probes) open.add(probe);
      const enough = new AbortController();
      const waits = probes.map(async (probe) => {
        // a signal for each: Node warns of a leak if one signal has many listeners
        const by = await probe.wait(AbortSignal.any([signal, enough.signal]));
        open.delete(probe);
        return by;
      });
      try {
        return when === 'any' ? await Promise.race(waits) : (await Promise.all(waits)).join(' and ');
      } finally {
        enough.abort();
      }
    },
  };
}

/**
 * The same probes for a reload. Probes that wait for a message listen from now on. Probes that poll start only after
 * the app received the reload signal: before, the answer would be about the old state.
 * @param reloadSent resolves once the app has the signal
 */
export function combineAgain(probes: readonly ReadinessProbe[], when: ReadyWhen, reloadSent: Promise<void>): Readiness {
  const again = probes.map((probe) => probe.again ?? probe);
  return combine(
    again.map((probe) => (probe.polls ? after(reloadSent, probe) : probe)),
    when,
  );
}

function after(event: Promise<void>, probe: ReadinessProbe): ReadinessProbe {
  return {
    name: probe.name,
    get reason() {
      return probe.reason;
    },
    async wait(signal) {
      await event;
      return probe.wait(signal);
    },
  };
}
