/**
 * Ready when the app writes a newline to a descriptor of its own (https://skarnet.org/software/s6/notifywhenup.html).
 */
import type { ProbeContext } from './context.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

const NEWLINE = 10;

/** `--fd`. The end of the descriptor is no sign. What comes later is read and dropped elsewhere. */
export function fdProbe({ fd }: Extract<ProbeSpec, { kind: 'fd' }>, { app }: ProbeContext): ReadinessProbe {
  const name = `fd ${fd}`;
  let reason = 'no newline yet';
  return {
    name,
    get reason() {
      return reason;
    },
    wait(signal) {
      return new Promise((resolve) => {
        const stop = app.onDescriptor(fd, (piece) => {
          if (piece === 'end') {
            reason = 'closed without a newline';
          } else if (piece.includes(NEWLINE)) {
            stop();
            resolve(name);
          }
        });
        signal.addEventListener('abort', stop, { once: true });
      });
    },
  };
}
