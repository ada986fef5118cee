/** Ready when an HTTP server answers GET with a status that means so. */
import { pollUntil } from '../core/poll.ts';
import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import { canonicalHost, TCP_TABLES } from '../core/socket-table.ts';
import type { ProbeContext } from './context.ts';
import { type HttpAnswer, openHttpClient } from './http-client.ts';
import { isLoopback, newSocketGate } from './new-socket-gate.ts';
import { ownership } from './ownership.ts';
import { type SocketsInUse, tcpSocketsInUse, unchangedTables } from './tcp-sockets.ts';

/** `--http`. Redirects are not followed. */
export function httpProbe(
  spec: Extract<ProbeSpec, { kind: 'http' }>,
  { clock, timing, listeners, warn }: ProbeContext,
  socketsInUse: () => SocketsInUse | undefined = tcpSocketsInUse,
): ReadinessProbe {
  const { url, hosts, statuses } = spec;
  const name = `http ${url}`;
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const local = hosts.every(isLoopback);
  const whyNotOwner = ownership(listeners, local ? spec.owner : 'any', warn, { systemdCounts: true });
  let reason = '';

  // whose the port is, is looked up at the first answer and not at the one that counts: it takes milliseconds
  let judged: { readonly inUse: SocketsInUse | undefined; readonly objection: string | undefined } | undefined;
  const whyNotItsOwner = (address: string): string | undefined => {
    const inUse = local ? socketsInUse() : undefined;
    if (!judged || unchangedTables(inUse, judged.inUse).length < TCP_TABLES.length) {
      judged = { inUse, objection: whyNotOwner(canonicalHost(address), port, []) };
    }
    return judged.objection;
  };
  const whyNot = ({ status, address }: HttpAnswer): string | undefined => {
    const objection = whyNotItsOwner(address);
    return statuses.some(({ from, to }) => from <= status && status <= to) ? objection : `status ${status}`;
  };

  return {
    name,
    get reason() {
      return reason;
    },
    async wait(signal) {
      const client = await openHttpClient(spec);
      const gate = newSocketGate(timing.interval, clock, local ? socketsInUse : undefined);
      signal.addEventListener('abort', client.close, { once: true });
      await pollUntil(
        (done) => {
          const look = gate.look();
          if (!look) {
            done(reason);
            return () => {};
          }
          return client.get((answer) => {
            const began = clock.now();
            const objection = typeof answer === 'string' ? answer : whyNot(answer);
            look.done(objection === 'ECONNREFUSED', typeof answer === 'string' ? 0 : clock.now() - began);
            done(objection);
          });
        },
        { ...timing, nextInterval: gate.nextInterval },
        clock,
        signal,
        (latest) => {
          reason = latest;
        },
      );
      client.close();
      return name;
    },
  };
}
