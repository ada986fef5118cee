/**
 * Ready by whichever comes first of READY=1 from the app and its first listening TCP socket. Not a Unix socket: tsx
 * opens one of its own long before the app serves. Not Node's inspector, nor what systemd handed over and the app does
 * not poll yet, as both are there before the app is ready.
 */
import { listening } from './connect/listen.ts';
import type { SocketsInUse } from './connect/tcp-sockets.ts';
import type { ProbeContext } from './context.ts';
import { notifyProbe } from './notify.ts';
import type { ReadinessProbe } from './probe.ts';
import { combine } from './readiness.ts';
import type { ProbeSpec } from './spec.ts';

/** What counts where no probe was named. */
export function autoProbe(
  { notify: heard }: Extract<ProbeSpec, { kind: 'auto' }>,
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
  const probes = heard ? [notify, port] : [port];
  const first = combine(probes, 'any');
  let taken: ReadinessProbe | undefined;
  return {
    name: `auto (${probes.map(({ name }) => name).join(', or ')})`,
    get reason() {
      return probes
        .map(({ reason }) => reason)
        .filter(Boolean)
        .join(', ');
    },
    // a port that is still open says nothing of a reload to whom READY=1 came
    get again() {
      return taken;
    },
    async wait(signal) {
      const by = await first.wait(signal);
      taken = by === notify.name ? notify : port;
      return `${by} (auto)`;
    },
  };
}
