/** Chooses the health check for each mode of `--watchdog`. */
import type { Config } from '../options/config.ts';
import type { ProbeContext } from '../probes/context.ts';
import { createProbe } from '../probes/index.ts';
import { watchPace } from '../probes/pace.ts';
import { combine } from '../probes/readiness.ts';
import { canPollAgain } from '../probes/spec.ts';
import type { PreparedWatchdog } from './request.ts';
import { loopHealth, probeHealth, processHealth } from './vitals.ts';
import type { Watchdog } from './watch.ts';

/** @returns undefined for `off` */
export function watchdogOf(
  { mode, intervalMs, beat }: PreparedWatchdog,
  { probes, readyWhen, timing }: Pick<Config, 'probes' | 'readyWhen' | 'timing'>,
  context: Omit<ProbeContext, 'timing'>,
): Watchdog | undefined {
  switch (mode) {
    case 'off':
      return undefined;
    case 'process':
      return { mode, intervalMs, vitals: processHealth };
    case 'app':
      return { mode, intervalMs, vitals: 'own-pings' };
    case 'loop': {
      const fallBack = () =>
        context.warn(
          '--watchdog loop: the app is ready, but its event loop sent no heartbeat; using --watchdog process',
        );
      return { mode, intervalMs, vitals: loopHealth(beat?.file.beats ?? (() => 0), fallBack) };
    }
    case 'probe': {
      const polled = probes.filter(canPollAgain);
      const patient = { ...context, warn: () => {}, timing: watchPace(intervalMs, timing.attemptTimeout) };
      const probesAgain = () => polled.map((spec) => createProbe(spec, patient));
      const combined = () => combine(probesAgain(), readyWhen);
      return { mode, intervalMs, vitals: probeHealth(combined) };
    }
  }
}
