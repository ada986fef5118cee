/** Ready when a time is over: the old way, for an app that gives no sign. */
import { formatDuration } from '../base/time-span.ts';
import type { ProbeContext } from './context.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

/** `--delay`. */
export function delayProbe({ ms }: Extract<ProbeSpec, { kind: 'delay' }>, { clock }: ProbeContext): ReadinessProbe {
  const name = `delay ${formatDuration(ms)}`;
  return {
    name,
    reason: 'not over yet',
    wait(signal) {
      return new Promise((resolve) => {
        const cancel = clock.after(ms, () => resolve(name));
        signal.addEventListener('abort', cancel, { once: true });
      });
    },
  };
}
