/** Ready when any process of the app sends READY=1 to its $NOTIFY_SOCKET, which is the wrapper's own. */
import type { ProbeContext } from './context.ts';
import { messageProbe, otherMessages } from './message.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

/** `--notify`. */
export function notifyProbe(_spec: Extract<ProbeSpec, { kind: 'notify' }>, { notices }: ProbeContext): ReadinessProbe {
  let others = 0;
  return messageProbe(
    'notify READY=1',
    () => otherMessages(others, 'no READY=1 yet'),
    (ready) => {
      others = 0;
      return notices.onNotice((notice) => {
        if (notice.ready) ready();
        else others += 1;
      });
    },
  );
}
