/** How to see whether the app is well, for each mode of `--watchdog`. */
import type { Config } from '../options/config.ts';
import type { ProbeContext } from '../probes/context.ts';
import { createProbe } from '../probes/index.ts';
import { watchPace } from '../probes/pace.ts';
import { combine } from '../probes/readiness.ts';
import { canBeAskedAgain } from '../probes/spec.ts';
import type { PreparedWatchdog } from './request.ts';
import { answering, existing, turning } from './vitals.ts';
import type { Watchdog } from './watch.ts';

/** Undefined where it is not for us to see. */
export function watchdogOf(
  { mode, intervalMs, beat }: PreparedWatchdog,
  { probes, readyWhen, timing }: Pick<Config, 'probes' | 'readyWhen' | 'timing'>,
  context: Omit<ProbeContext, 'timing'>,
): Watchdog | undefined {
  switch (mode) {
    case 'off':
      return undefined;
    case 'process':
      return { mode, intervalMs, vitals: existing };
    case 'app':
      return { mode, intervalMs, vitals: 'own-pings' };
    case 'loop': {
      const fallBack = () =>
        context.warn(
          '--watchdog loop: the app is ready, but its event loop sent no heartbeat; using --watchdog process',
        );
      return { mode, intervalMs, vitals: turning(beat?.file.beats ?? (() => 0), fallBack) };
    }
    case 'probe': {
      const asked = probes.filter(canBeAskedAgain);
      const patient = { ...context, warn: () => {}, timing: watchPace(intervalMs, timing.attemptTimeout) };
      const probesAgain = () => asked.map((spec) => createProbe(spec, patient));
      const ask = () => combine(probesAgain(), readyWhen);
      return { mode, intervalMs, vitals: answering(ask) };
    }
  }
}
