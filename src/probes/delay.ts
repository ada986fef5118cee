/** Ready after a fixed time, for an app without any readiness signal. */
import { formatDuration } from '../base/time-span.ts';
import type { ProbeContext } from './context.ts';
import { messageProbe } from './message.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

/** `--delay`. */
export function delayProbe({ ms }: Extract<ProbeSpec, { kind: 'delay' }>, { clock }: ProbeContext): ReadinessProbe {
  return messageProbe(
    `delay ${formatDuration(ms)}`,
    () => 'not over yet',
    (ready) => clock.after(ms, ready),
  );
}
