/** Ready when an HTTP server answers GET with one of the ready statuses. */
import type { Socket } from 'node:net';
import type { Disposer } from '../../base/clock.ts';
import type { Acceptance, Ownership, Shared } from '../../sockets/ownership.ts';
import { canonicalHost, TCP_TABLES } from '../../sockets/rows.ts';
import type { ProbeContext } from '../context.ts';
import { SHARE } from '../poll.ts';
import { polled } from '../polled.ts';
import type { ReadinessProbe } from '../probe.ts';
import { httpPort, isLoopback, type ProbeSpec } from '../spec.ts';
import { SHARED_PACE } from './acceptance.ts';
import { type HttpAnswer, openHttpClient } from './http-client.ts';
import { BELIEVED, newSocketGate } from './new-socket-gate.ts';
import { NOT_KNOWN_YET, objectionTo, onceEach } from './objection.ts';
import { type SocketsInUse, tcpSocketsInUse, unchangedTables } from './tcp-sockets.ts';

/** Hints for statuses that rarely change while the app starts; after a status that counts they would mislead. */
const REMEDIES: Readonly<Record<number, string>> = {
  401: ' (add credentials with --http-header, or --http-status 401)',
  403: ' (add credentials with --http-header, or --http-status 403)',
  404: ' (check the path, or add --http-status 404)',
  500: ' (an error of the app; its own output may say why)',
};

/** How often a held connection is checked, ms. */
const HOLD_INTERVAL = 2;

/** `--http`. It does not follow redirects. */
export function httpProbe(
  spec: Extract<ProbeSpec, { kind: 'http' }>,
  { clock, timing, listeners, warn, debug, env }: ProbeContext,
  socketsInUse: () => SocketsInUse | undefined = tcpSocketsInUse,
): ReadinessProbe {
  const { url, hosts, statuses } = spec;
  const name = `http ${withoutSecrets(url)}`;
  const port = httpPort(url);
  const local = hosts.every(isLoopback);
  const warnOnce = onceEach(warn);
  const debugOnce = onceEach(debug);
  const object = (found: Shared['otherwise']) => objectionTo(found, port, warnOnce, { systemdCounts: true });
  let owner: Ownership | undefined;

  // the owner of the port is looked up at the first answer, because that takes milliseconds and would delay the answer
  // that counts; once the app owns the port, it keeps it
  let isOwn = false;
  let judged: { readonly inUse: SocketsInUse | undefined; readonly objection: string; readonly at: number } | undefined;
  const whyNotItsOwner = (address: string): string | Shared | undefined => {
    if (isOwn || spec.owner === 'any' || !spec.onThisHost) return undefined;
    const inUse = local ? socketsInUse() : undefined;
    const unchanged = judged !== undefined && unchangedTables(inUse, judged.inUse).length === TCP_TABLES.length;
    // not for ever: the port may have changed its owner while the count stayed the same
    if (judged && unchanged && clock.now() < judged.at + BELIEVED) return judged.objection;
    owner = listeners.ownerOf(canonicalHost(address), port, []);
    if (owner?.by === 'shared') return owner;
    debugOnce(`${name}: ownership decided by the listening process`);
    const objection = object(owner);
    isOwn = objection === undefined;
    judged = objection === undefined || objection === NOT_KNOWN_YET ? undefined : { inUse, objection, at: clock.now() };
    return objection;
  };
  let hasCounted = false;
  const whyNot = ({ status, address }: HttpAnswer): string | Shared | undefined => {
    const objection = whyNotItsOwner(address);
    if (!statuses.some(({ from, to }) => from <= status && status <= to)) {
      return `${status}${(!hasCounted && REMEDIES[status]) || ''}`;
    }
    hasCounted ||= objection === undefined;
    return objection;
  };

  /** Who accepted the current held connection. */
  let heldAcceptance: Acceptance | undefined;
  let holds = false;
  const awaitAcceptor = async (socket: Socket, listener: Shared) => {
    for (;;) {
      const found = await listeners.acceptorOf(socket, listener);
      if (found.by !== 'waiting' || socket.destroyed) return found;
      await new Promise<void>((resolve) => clock.after(HOLD_INTERVAL + found.spent * SHARE, resolve));
    }
  };
  let spent = 0;
  const whyNotAccepted = async (socket: Socket, listener: Shared): Promise<string | undefined> => {
    const found = heldAcceptance ?? (await listeners.acceptorOf(socket, listener));
    spent += found.spent;
    const rule =
      found.by === 'hidden' ? 'the listening process (the accepting one is hidden)' : 'the accepting process';
    debugOnce(`${name}: ownership decided by ${rule} (${found.seenBy})`);
    if (found.by === 'hidden') return object(listener.otherwise);
    if (found.by !== 'other') return undefined;
    holds = found.closed === true;
    return `answered by ${found.holder}, not by the app`;
  };

  return polled(name, { clock, timing }, async () => {
    const client = await openHttpClient({ ...spec, extraCa: env['NODE_EXTRA_CA_CERTS'], warn }, clock);
    const gate = newSocketGate(timing, clock, local ? socketsInUse : undefined);
    return {
      attempt(done, latest) {
        const check = gate.check();
        if (!check) {
          done(latest);
          return undefined;
        }
        let stop: Disposer;
        const request = () => {
          heldAcceptance = undefined;
          const listener = owner?.by === 'shared' ? owner : undefined;
          const hold = async (socket: Socket) => {
            if (listener) heldAcceptance = await awaitAcceptor(socket, listener);
          };
          stop = client.get(
            (answer) => {
              const began = clock.now();
              const wasOwn = isOwn;
              spent = 0;
              const finish = (objection: string | undefined, isAccepted = false) => {
                // a connection from before the app was known as owner may have been accepted by another process
                const proven = isAccepted || (wasOwn && owner?.by === 'app');
                if (typeof answer === 'object' && objection === undefined && !proven) {
                  client.leave();
                  // the answer has to hold on a new connection too
                  if (answer.kept) return request();
                } else if (!isOwn || (!wasOwn && owner?.by === 'app')) {
                  // the app may listen on another address of the host
                  client.leave(typeof answer === 'object' && owner?.by !== 'app');
                }
                const isShared = owner?.by === 'shared' && typeof answer === 'object';
                check.done(objection === 'ECONNREFUSED', isShared ? Math.max(spent, SHARED_PACE / SHARE) : spent);
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
        request();
        return () => stop();
      },
      nextInterval: gate.nextInterval,
      end: () => client.leave(),
    };
  });
}

/** For the log and `systemctl status`, which every user may read. */
function withoutSecrets(url: URL): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  shown.hash = '';
  return shown.href;
}
