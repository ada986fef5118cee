/** Ready when a TCP connection is accepted. */
import { connect } from 'node:net';
import type { Disposer } from '../core/clock.ts';
import { pollUntil } from '../core/poll.ts';
import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import type { ProbeContext } from './context.ts';

/** `--tcp`. The hosts are IP addresses. */
export function tcpProbe(
  { hosts, port }: Extract<ProbeSpec, { kind: 'tcp' }>,
  { clock, timing }: ProbeContext,
): ReadinessProbe {
  let reason = '';
  return {
    name: describe(hosts[0] as string, port),
    get reason() {
      return reason;
    },
    async wait(signal) {
      let answered = '';
      await pollUntil(
        (done) =>
          connectToAny(hosts, port, (accepted, errors) => {
            answered = accepted ?? '';
            // a host without IPv6 says EADDRNOTAVAIL for ::1 for ever: the first address tells more
            done(accepted === undefined ? errors[0] : undefined);
          }),
        timing,
        clock,
        signal,
        (latest) => {
          reason = latest;
        },
      );
      return describe(answered, port);
    },
  };
}

function describe(host: string, port: number): string {
  return `tcp ${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Tells the first host that accepted, or, when none did, every host's error code in their order. */
function connectToAny(
  hosts: readonly string[],
  port: number,
  tell: (accepted: string | undefined, errors: readonly string[]) => void,
): Disposer {
  const errors: string[] = [];
  let open = hosts.length;
  const sockets = hosts.map((host, index) => {
    const socket = connect({ host, port, family: host.includes(':') ? 6 : 4 });
    socket.once('connect', () => {
      close();
      tell(host, errors);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      errors[index] ??= error.code ?? error.message;
      open -= 1;
      if (open === 0) tell(undefined, errors);
    });
    return socket;
  });
  const close = () => {
    for (const socket of sockets) socket.removeAllListeners('connect').destroy();
  };
  return close;
}
