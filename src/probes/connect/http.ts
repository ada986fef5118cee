/** Ready when an HTTP server answers GET with a status that means so. */
import type { Disposer } from '../../base/clock.ts';
import type { Listeners, Ownership } from '../../sockets/ownership.ts';
import { canonicalHost, TCP_TABLES } from '../../sockets/rows.ts';
import type { ProbeContext } from '../context.ts';
import { pollUntil } from '../poll.ts';
import type { ReadinessProbe } from '../probe.ts';
import { httpPort, isLoopback, type ProbeSpec } from '../spec.ts';
import { type HttpAnswer, openHttpClient } from './http-client.ts';
import { BELIEVED, newSocketGate } from './new-socket-gate.ts';
import { NOT_KNOWN_YET, objectionTo } from './objection.ts';
import { type SocketsInUse, tcpSocketsInUse, unchangedTables } from './tcp-sockets.ts';

/** Of statuses that mostly stay as they are. */
const REMEDIES: Readonly<Record<number, string>> = {
  401: ' (--http-header, or --http-status 401?)',
  403: ' (--http-header, or --http-status 403?)',
  404: ' (another path, or --http-status 404?)',
};

/** `--http`. Redirects are not followed. */
export function httpProbe(
  spec: Extract<ProbeSpec, { kind: 'http' }>,
  { clock, timing, listeners, warn, env }: ProbeContext,
  socketsInUse: () => SocketsInUse | undefined = tcpSocketsInUse,
): ReadinessProbe {
  const { url, hosts, statuses } = spec;
  const name = `http ${withoutSecrets(url)}`;
  const port = httpPort(url);
  const local = hosts.every(isLoopback);
  let owner: Ownership | undefined;
  const ownerOf: Listeners['ownerOf'] = (...where) => {
    owner = listeners.ownerOf(...where);
    return owner;
  };
  const whyNotOwner = objectionTo({ ...listeners, ownerOf }, spec.onThisHost ? spec.owner : 'any', warn, {
    systemdCounts: true,
  });
  let reason = '';

  // whose the port is, is looked up at the first answer and not at the one that counts, as it takes milliseconds; what
  // is the app's stays the app's
  let isOwn = false;
  let judged: { readonly inUse: SocketsInUse | undefined; readonly objection: string; readonly at: number } | undefined;
  const whyNotItsOwner = (address: string): string | undefined => {
    if (isOwn) return undefined;
    const inUse = local ? socketsInUse() : undefined;
    const unchanged = judged !== undefined && unchangedTables(inUse, judged.inUse).length === TCP_TABLES.length;
    // not for ever: the port may have gone from hand to hand, and the count is as it was
    if (judged && unchanged && clock.now() < judged.at + BELIEVED) return judged.objection;
    const objection = whyNotOwner(canonicalHost(address), port, []);
    isOwn = objection === undefined;
    judged = objection === undefined || objection === NOT_KNOWN_YET ? undefined : { inUse, objection, at: clock.now() };
    return objection;
  };
  const whyNot = ({ status, address }: HttpAnswer): string | undefined => {
    const objection = whyNotItsOwner(address);
    return statuses.some(({ from, to }) => from <= status && status <= to)
      ? objection
      : `${status}${REMEDIES[status] ?? ''}`;
  };

  return {
    name,
    asks: true,
    get reason() {
      return reason;
    },
    async wait(signal) {
      reason = '';
      const client = await openHttpClient({ ...spec, extraCa: env['NODE_EXTRA_CA_CERTS'], warn }, clock);
      const gate = newSocketGate(timing, clock, local ? socketsInUse : undefined);
      signal.addEventListener('abort', client.leave, { once: true });
      await pollUntil(
        (done) => {
          const look = gate.look();
          if (!look) {
            done(reason);
            return () => {};
          }
          let stop: Disposer;
          const ask = () => {
            stop = client.get((answer) => {
              const began = clock.now();
              const wasOwn = isOwn;
              const objection = typeof answer === 'string' ? answer : whyNot(answer);
              const spent = typeof answer === 'string' ? 0 : clock.now() - began;
              // who accepted a connection before the port was known for the app's may be another
              const proven = wasOwn && owner?.by === 'app';
              if (typeof answer === 'object' && objection === undefined && !proven) {
                client.leave();
                // a new one has to say so too
                if (answer.kept) return ask();
              } else if (!isOwn || (!wasOwn && owner?.by === 'app')) client.leave();
              look.done(objection === 'ECONNREFUSED', spent);
              done(objection);
            });
          };
          ask();
          return () => stop();
        },
        { ...timing, nextInterval: gate.nextInterval },
        clock,
        signal,
        (latest) => {
          reason = latest;
        },
      );
      client.leave();
      return name;
    },
  };
}

/** For the log and for `systemctl status`, which everybody may read. */
function withoutSecrets(url: URL): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  shown.hash = '';
  return shown.href;
}
