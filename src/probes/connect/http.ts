/** Ready when an HTTP server answers GET with a status that means so. */
import type { Socket } from 'node:net';
import type { Disposer } from '../../base/clock.ts';
import type { Acceptance, Ownership, Shared } from '../../sockets/ownership.ts';
import { canonicalHost, TCP_TABLES } from '../../sockets/rows.ts';
import type { ProbeContext } from '../context.ts';
import { pollUntil } from '../poll.ts';
import type { ReadinessProbe } from '../probe.ts';
import { httpPort, isLoopback, type ProbeSpec } from '../spec.ts';
import { SHARED_PACE } from './acceptance.ts';
import { type HttpAnswer, openHttpClient } from './http-client.ts';
import { BELIEVED, newSocketGate } from './new-socket-gate.ts';
import { NOT_KNOWN_YET, objectionTo, onceEach } from './objection.ts';
import { type SocketsInUse, tcpSocketsInUse, unchangedTables } from './tcp-sockets.ts';

/** Of statuses that mostly stay as they are. */
const REMEDIES: Readonly<Record<number, string>> = {
  401: ' (add credentials with --http-header, or --http-status 401)',
  403: ' (add credentials with --http-header, or --http-status 403)',
  404: ' (check the path, or add --http-status 404)',
  500: ' (an error of the app; its own output may say why)',
};

/** A connection that is held is looked at so often, ms, and that may take one part in so many of the time. */
const HOLD_LOOK = 2;
const SHARE = 20;

/** `--http`. Redirects are not followed. */
export function httpProbe(
  spec: Extract<ProbeSpec, { kind: 'http' }>,
  { clock, timing, listeners, warn, debug, env }: ProbeContext,
  socketsInUse: () => SocketsInUse | undefined = tcpSocketsInUse,
): ReadinessProbe {
  const { url, hosts, statuses } = spec;
  const name = `http ${withoutSecrets(url)}`;
  const port = httpPort(url);
  const local = hosts.every(isLoopback);
  const tell = onceEach(warn);
  const tellRule = onceEach(debug);
  const object = (found: Shared['otherwise']) => objectionTo(found, port, tell, { systemdCounts: true });
  let owner: Ownership | undefined;
  let reason = '';

  // whose the port is, is looked up at the first answer and not at the one that counts, as it takes milliseconds; what
  // is the app's stays the app's
  let isOwn = false;
  let judged: { readonly inUse: SocketsInUse | undefined; readonly objection: string; readonly at: number } | undefined;
  const whyNotItsOwner = (address: string): string | Shared | undefined => {
    if (isOwn || spec.owner === 'any' || !spec.onThisHost) return undefined;
    const inUse = local ? socketsInUse() : undefined;
    const unchanged = judged !== undefined && unchangedTables(inUse, judged.inUse).length === TCP_TABLES.length;
    // not for ever: the port may have gone from hand to hand, and the count is as it was
    if (judged && unchanged && clock.now() < judged.at + BELIEVED) return judged.objection;
    owner = listeners.ownerOf(canonicalHost(address), port, []);
    if (owner?.by === 'shared') return owner;
    tellRule(`${name}: ownership decided by the listening process`);
    const objection = object(owner);
    isOwn = objection === undefined;
    judged = objection === undefined || objection === NOT_KNOWN_YET ? undefined : { inUse, objection, at: clock.now() };
    return objection;
  };
  const whyNot = ({ status, address }: HttpAnswer): string | Shared | undefined => {
    const objection = whyNotItsOwner(address);
    return statuses.some(({ from, to }) => from <= status && status <= to)
      ? objection
      : `${status}${REMEDIES[status] ?? ''}`;
  };

  /** Who accepted the connection that is held, or was. */
  let held: Acceptance | undefined;
  let holds = false;
  const lookWho = async (socket: Socket, listener: Shared) => {
    for (;;) {
      const found = await listeners.acceptorOf(socket, listener);
      if (found.by !== 'waiting' || socket.destroyed) return found;
      await new Promise<void>((resolve) => clock.after(HOLD_LOOK + found.spent * SHARE, resolve));
    }
  };
  let spent = 0;
  const whyNotAccepted = async (socket: Socket, listener: Shared): Promise<string | undefined> => {
    const found = held ?? (await listeners.acceptorOf(socket, listener));
    spent += found.spent;
    const rule =
      found.by === 'hidden' ? 'the listening process (the accepting one is hidden)' : 'the accepting process';
    tellRule(`${name}: ownership decided by ${rule} (${found.seenBy})`);
    if (found.by === 'hidden') return object(listener.otherwise);
    if (found.by !== 'other') return undefined;
    holds = found.closed === true;
    return `answered by ${found.holder}, not by the app`;
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
      signal.addEventListener('abort', () => client.leave(), { once: true });
      await pollUntil(
        (done) => {
          const look = gate.look();
          if (!look) {
            done(reason);
            return () => {};
          }
          let stop: Disposer;
          const ask = () => {
            held = undefined;
            const listener = owner?.by === 'shared' ? owner : undefined;
            const hold = async (socket: Socket) => {
              if (listener) held = await lookWho(socket, listener);
            };
            stop = client.get(
              (answer) => {
                const began = clock.now();
                const wasOwn = isOwn;
                spent = 0;
                const finish = (objection: string | undefined, isAccepted = false) => {
                  // who accepted a connection before the port was known for the app's may be another
                  const proven = isAccepted || (wasOwn && owner?.by === 'app');
                  if (typeof answer === 'object' && objection === undefined && !proven) {
                    client.leave();
                    // a new one has to say so too
                    if (answer.kept) return ask();
                  } else if (!isOwn || (!wasOwn && owner?.by === 'app')) {
                    // another address of the host may be the app's
                    client.leave(typeof answer === 'object' && owner?.by !== 'app');
                  }
                  const isShared = owner?.by === 'shared' && typeof answer === 'object';
                  look.done(objection === 'ECONNREFUSED', isShared ? Math.max(spent, SHARED_PACE / SHARE) : spent);
                  done(objection);
                };
                const objection = typeof answer === 'string' ? answer : whyNot(answer);
                spent += clock.now() - began;
                if (typeof objection !== 'object' || typeof answer === 'string') return finish(objection as string);
                let cancelled = false;
                stop = () => {
                  cancelled = true;
                };
                void whyNotAccepted(answer.socket, objection)
                  .catch((error) => String(error))
                  .then((why) => {
                    if (!cancelled) finish(why, true);
                  });
              },
              holds ? hold : undefined,
            );
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
