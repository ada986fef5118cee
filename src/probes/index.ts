/** The registry of readiness probes: register a new kind by adding it here; the compiler tells when one is missing. */
import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import type { ProbeContext } from './context.ts';
import { ipcProbe } from './ipc.ts';
import { logProbe } from './log.ts';
import { tcpProbe } from './tcp.ts';

type Factories = {
  [Kind in ProbeSpec['kind']]: (spec: Extract<ProbeSpec, { kind: Kind }>, context: ProbeContext) => ReadinessProbe;
};

const factories = { tcp: tcpProbe, log: logProbe, ipc: ipcProbe } satisfies Factories;

export function createProbe(spec: ProbeSpec, context: ProbeContext): ReadinessProbe {
  const factory = factories[spec.kind] as (spec: ProbeSpec, context: ProbeContext) => ReadinessProbe;
  return factory(spec, context);
}
