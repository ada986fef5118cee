/** Several readiness probes seen as one: what is awaited, why it is not there yet, and when it is. */
import type { ReadinessProbe } from './probe.ts';

/** How several probes count: all of them must come true, or one is enough. */
export type ReadyWhen = 'all' | 'any';

export interface Readiness {
  /** What is awaited, for the log: `tcp 127.0.0.1:3000 and ipc "ready"`. */
  readonly name: string;
  /** What is still open, each with its last reason: `tcp 127.0.0.1:3000: ECONNREFUSED; ipc "ready"`. */
  waitingFor(): string;
  /**
   * May be called again, afresh. Resolves once ready, with the name of what made it so. Aborting `signal` stops every
   * probe.
   */
  wait(signal: AbortSignal): Promise<string>;
}

/** Combines probes: ready when `all` of them came true, or `any`; then the others are stopped. */
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
        // one each: Node takes many listeners on one signal for a leak
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
 * The same signs a second time, after a reload: those that are told must be there from now on, and those that ask may
 * not ask before the app was told to reload, as it would answer for the time before.
 * @param told resolves then
 */
export function combineAgain(probes: readonly ReadinessProbe[], when: ReadyWhen, told: Promise<void>): Readiness {
  const signs = probes.map((probe) => probe.again ?? probe);
  return combine(
    signs.map((sign) => (sign.asks ? after(told, sign) : sign)),
    when,
  );
}

function after(told: Promise<void>, probe: ReadinessProbe): ReadinessProbe {
  return {
    name: probe.name,
    get reason() {
      return probe.reason;
    },
    async wait(signal) {
      await told;
      return probe.wait(signal);
    },
  };
}
