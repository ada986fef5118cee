/**
 * Ready at the first of two: READY=1 from the app, or its first listening TCP socket. A Unix socket does not count: tsx
 * opens one of its own long before the app serves. Node's inspector and an inherited socket that the app does not poll
 * yet do not count either, because both exist before the app is ready.
 */
import { listening } from './connect/listen.ts';
import type { SocketsInUse } from './connect/tcp-sockets.ts';
import type { ProbeContext } from './context.ts';
import { notifyProbe } from './notify.ts';
import type { ReadinessProbe } from './probe.ts';
import { combine } from './readiness.ts';
import type { ProbeSpec } from './spec.ts';

/** The probe for a command line that names none. */
export function autoProbe(
  { notify: canNotify }: Extract<ProbeSpec, { kind: 'auto' }>,
  context: ProbeContext,
  socketsInUse?: () => SocketsInUse | undefined,
): ReadinessProbe {
  const port = listening(
    'listen on any TCP port',
    (socket) => socket.kind === 'tcp' && !socket.inspector && !socket.doubtful,
    { kinds: 'tcp', stays: true },
    context,
    socketsInUse,
  );
  const notify = notifyProbe({ kind: 'notify' }, context);
  const probes = canNotify ? [notify, port] : [port];
  const first = combine(probes, 'any');
  let winner: ReadinessProbe | undefined;
  return {
    name: `auto (${probes.map(({ name }) => name).join(', or ')})`,
    get reason() {
      return probes
        .map(({ reason }) => reason)
        .filter(Boolean)
        .join(', ');
    },
    // if READY=1 came first, the port is still open during a reload and proves nothing
    get again() {
      return winner;
    },
    async wait(signal) {
      const by = await first.wait(signal);
      winner = by === notify.name ? notify : port;
      return `${by} (auto)`;
    },
  };
}
