import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import type { ProbeContext } from './context.ts';

export function fdProbe(_spec: Extract<ProbeSpec, { kind: 'fd' }>, _context: ProbeContext): ReadinessProbe {
  throw new Error('not built yet');
}
