/**
 * Ready when the app writes a newline to a descriptor of its own (https://skarnet.org/software/s6/notifywhenup.html).
 */
import type { ProbeContext } from './context.ts';
import { messageProbe } from './message.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

const NEWLINE = 10;

/** `--fd`. The end of file does not count. Later data is read and dropped elsewhere. */
export function fdProbe({ fd }: Extract<ProbeSpec, { kind: 'fd' }>, { app }: ProbeContext): ReadinessProbe {
  let reason = 'no newline yet';
  return messageProbe(
    `fd ${fd}`,
    () => reason,
    (ready) =>
      app.onDescriptor(fd, (piece) => {
        if (piece === 'end') reason = 'closed without a newline';
        else if (piece.includes(NEWLINE)) ready();
      }),
  );
}
