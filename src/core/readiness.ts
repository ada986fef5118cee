/** Several readiness probes seen as one: what is awaited, why it is not there yet, and when it is. */
import type { ReadinessProbe } from './probe.ts';

/** How several probes count: all of them must come true, or one is enough. */
export type ReadyWhen = 'all' | 'any';

export interface Readiness {
  /** What is awaited, for the log: `tcp 127.0.0.1:3000 and ipc "ready"`. */
  readonly name: string;
  /** What is still open, each with its last reason: `tcp 127.0.0.1:3000: ECONNREFUSED; ipc "ready"`. */
  waitingFor(): string;
  /** Resolves once ready, with the name of what made it so. Aborting `signal` stops every probe. */
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
