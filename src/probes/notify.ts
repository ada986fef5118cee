/** Ready when the app says so to the notify socket that it sees: any sd_notify client, in any process of the app. */
import type { ProbeContext } from './context.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

/** `--notify`. */
export function notifyProbe(_spec: Extract<ProbeSpec, { kind: 'notify' }>, { notices }: ProbeContext): ReadinessProbe {
  const name = 'notify READY=1';
  let others = 0;
  return {
    name,
    get reason() {
      return others === 0 ? 'no READY=1 yet' : `${others} other message${others === 1 ? '' : 's'} so far`;
    },
    wait(signal) {
      others = 0;
      return new Promise((resolve) => {
        const stop = notices.onNotice(({ ready }) => {
          if (ready) {
            stop();
            resolve(name);
          } else {
            others += 1;
          }
        });
        signal.addEventListener('abort', stop, { once: true });
      });
    },
  };
}
