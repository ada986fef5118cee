import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import type { ProbeContext } from './context.ts';

export function unixProbe(_spec: Extract<ProbeSpec, { kind: 'unix' }>, _context: ProbeContext): ReadinessProbe {
  throw new Error('not built yet');
}
