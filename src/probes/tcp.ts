/** Ready when a TCP connection is accepted. */
import { connect } from 'node:net';
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
        async (attempt) => {
          const outcomes = await firstAccepted(hosts, port, attempt);
          if (typeof outcomes === 'string') {
            answered = outcomes;
            return undefined;
          }
          // a host without IPv6 says EADDRNOTAVAIL for ::1 for ever: the first address tells more
          return outcomes[0];
        },
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

/** The first host that accepted, or every host's error code, in their order. */
function firstAccepted(hosts: readonly string[], port: number, signal: AbortSignal): Promise<string | string[]> {
  return new Promise((resolve) => {
    const errors: string[] = [];
    let open = hosts.length;
    const sockets = hosts.map((host, index) => {
      const socket = connect({ host, port, family: host.includes(':') ? 6 : 4 });
      socket.once('connect', () => settle(host));
      socket.once('error', (error: NodeJS.ErrnoException) => {
        errors[index] = error.code ?? error.message;
        open -= 1;
        if (open === 0) settle(errors);
      });
      return socket;
    });
    const settle = (outcome: string | string[]) => {
      signal.removeEventListener('abort', abort);
      for (const socket of sockets) socket.destroy();
      resolve(outcome);
    };
    const abort = () => settle([]);
    signal.addEventListener('abort', abort, { once: true });
  });
}
