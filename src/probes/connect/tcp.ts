/** Ready when the app accepts a TCP connection. */
import { connect, type Socket } from 'node:net';
import type { Disposer } from '../../base/clock.ts';
import type { Shared } from '../../sockets/ownership.ts';
import { hostPort } from '../../sockets/rows.ts';
import type { ProbeContext } from '../context.ts';
import { polled } from '../polled.ts';
import type { ReadinessProbe } from '../probe.ts';
import { isLoopback, type ProbeSpec } from '../spec.ts';
import { acceptanceOf } from './acceptance.ts';
import { leave } from './connection.ts';
import { newSocketGate } from './new-socket-gate.ts';
import { NOT_KNOWN_YET, objectionTo, onceEach } from './objection.ts';
import { type SocketsInUse, tcpSocketsInUse, unchangedTables } from './tcp-sockets.ts';

/** `--tcp`. The hosts are IP addresses. */
export function tcpProbe(
  { hosts, port, owner }: Extract<ProbeSpec, { kind: 'tcp' }>,
  context: ProbeContext,
  socketsInUse: () => SocketsInUse | undefined = tcpSocketsInUse,
): ReadinessProbe {
  const { clock, timing, listeners, warn, debug } = context;
  const name = `tcp ${hostPort(hosts[0] as string, port)}`;
  const local = hosts.every(isLoopback);
  const tell = onceEach(warn);
  const tellRule = onceEach(debug);
  let { socketsBefore } = context;
  return polled(name, context, () => {
    let answered = '';
    /** The host to begin with: the next one, once who accepted at one is another process. */
    let first = 0;
    const gate = newSocketGate(timing, clock, local ? socketsInUse : undefined);
    const acceptance = acceptanceOf(name, context, ({ otherwise }) => objectionTo(otherwise, port, tell));
    const askWho = (done: (reason?: string) => void) =>
      acceptance.ask((reason) => {
        if (reason !== undefined && !acceptance.waits) first += 1;
        done(reason);
      });
    return {
      attempt(done, latest) {
        if (acceptance.waits) return askWho(done);
        const look = acceptance.rests ? undefined : gate.look();
        if (!look) {
          done(latest);
          return;
        }
        let spent = 0;
        const judge = (host: string) => {
          if (owner === 'any') return undefined;
          const began = clock.now();
          const found = listeners.ownerOf(host, port, look.unchanged);
          spent += clock.now() - began;
          if (found?.by === 'shared') return found;
          tellRule(`${name}: ownership decided by the listening process`);
          return objectionTo(found, port, tell);
        };
        const start = first % hosts.length;
        const inTurn = [...hosts.slice(start), ...hosts.slice(0, start)];
        // if nobody has begun to listen since, what refuses at one loopback address refuses at the other; and Node's
        // first look at an address of IPv6 takes it milliseconds (net.isIPv6)
        const isQuiet =
          local &&
          owner === 'app' &&
          !listeners.inherits() &&
          unchangedTables(socketsInUse(), socketsBefore).length === 2;
        socketsBefore = undefined;
        const asked = isQuiet ? inTurn.slice(0, 1) : inTurn;
        let stop = connectToAny(asked, port, local, judge, (accepted, reasons) => {
          answered = accepted?.host ?? '';
          look.done(accepted === undefined && reasons.every(isSettled), spent);
          if (accepted?.shared) {
            acceptance.take(accepted.socket, accepted.shared);
            stop = askWho(done);
            return;
          }
          // a host without IPv6 says EADDRNOTAVAIL for ::1 for ever: the first address tells more
          done(accepted === undefined ? (reasons.find((text) => !isRefusal(text)) ?? reasons[0]) : undefined);
        });
        return () => stop();
      },
      nextInterval: () => (acceptance.waits ? timing.interval : gate.nextInterval()),
      readyBy: () => `tcp ${hostPort(answered, port)}`,
      end: acceptance.end,
    };
  });
}

/** Nobody listens there. */
function isRefusal(reason: string): boolean {
  return reason === 'ECONNREFUSED' || reason === 'EADDRNOTAVAIL';
}

/** Nothing but a new listener can change that: nobody listens, or somebody else does. */
function isSettled(reason: string): boolean {
  return isRefusal(reason) || !(/^E[A-Z]+$/.test(reason) || reason === NOT_KNOWN_YET);
}

interface Accepted {
  readonly host: string;
  readonly socket: Socket;
  /** Others listen there too. The connection stays open then. */
  readonly shared: Shared | undefined;
}

/**
 * Tells the first host that accepted, or, when none did, for each in their order why not: its error code, or what
 * `whyNot` has against it. That is asked while the connection is open, as the kernel then gets through its table of
 * connections sooner.
 *
 * @param inTurn whether to try a host only when the one before it refused: on loopback that is known at once, and each
 * try costs a millisecond. Elsewhere a host may never answer.
 */
function connectToAny(
  hosts: readonly string[],
  port: number,
  inTurn: boolean,
  whyNot: (host: string) => string | Shared | undefined,
  tell: (accepted: Accepted | undefined, reasons: readonly string[]) => void,
): Disposer {
  const errors: string[] = [];
  const sockets: Socket[] = [];
  let refusals = 0;
  const tryNext = () => {
    const index = sockets.length;
    const host = hosts[index];
    if (host === undefined) return;
    const socket = connect({ host, port, family: host.includes(':') ? 6 : 4 });
    sockets.push(socket);
    const refused = (code: string) => {
      errors[index] = code;
      refusals += 1;
      if (refusals === hosts.length) tell(undefined, errors);
      else tryNext();
    };
    socket.once('connect', () => {
      if (isConnectedToItself(socket)) {
        // reset, so that no TIME_WAIT keeps the port from the app
        socket.resetAndDestroy();
        refused('ECONNREFUSED');
        return;
      }
      const objection = whyNot(host);
      const shared = typeof objection === 'object' ? objection : undefined;
      if (!shared) leave(socket);
      if (typeof objection === 'string') {
        refused(objection);
        return;
      }
      close();
      tell({ host, socket, shared }, errors);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => refused(error.code ?? error.message));
  };
  const close = () => {
    for (const socket of sockets) if (socket.connecting) socket.removeAllListeners('connect').destroy();
  };
  do tryNext();
  while (!inTurn && sockets.length < hosts.length);
  return close;
}

/**
 * A connect to a loopback port of the ephemeral range where nobody listens can be given that very port as its own, and
 * then TCP's simultaneous open connects the socket to itself (RFC 9293, 3.5): nobody has accepted anything.
 */
function isConnectedToItself(socket: Socket): boolean {
  return socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
}
