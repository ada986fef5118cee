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

/** `--tcp`. `hosts` are IP addresses. */
export function tcpProbe(
  { hosts, port, owner }: Extract<ProbeSpec, { kind: 'tcp' }>,
  context: ProbeContext,
  socketsInUse: () => SocketsInUse | undefined = tcpSocketsInUse,
): ReadinessProbe {
  const { clock, timing, listeners, warn, debug } = context;
  const name = `tcp ${hostPort(hosts[0] as string, port)}`;
  const local = hosts.every(isLoopback);
  const warnOnce = onceEach(warn);
  const debugOnce = onceEach(debug);
  let { socketsBefore } = context;
  return polled(name, context, () => {
    let answered = '';
    /** The host to begin with: the next one after another process accepted at this one. */
    let first = 0;
    const gate = newSocketGate(timing, clock, local ? socketsInUse : undefined);
    const acceptance = acceptanceOf(name, context, ({ otherwise }) => objectionTo(otherwise, port, warnOnce));
    const judgeAcceptor = (done: (reason?: string) => void) =>
      acceptance.judge((reason) => {
        if (reason !== undefined && !acceptance.pending) first += 1;
        done(reason);
      });
    return {
      attempt(done, latest) {
        if (acceptance.pending) return judgeAcceptor(done);
        const check = acceptance.resting ? undefined : gate.check();
        if (!check) {
          done(latest);
          return;
        }
        let spent = 0;
        const judge = (host: string) => {
          if (owner === 'any') return undefined;
          const began = clock.now();
          const found = listeners.ownerOf(host, port, check.unchanged);
          spent += clock.now() - began;
          if (found?.by === 'shared') return found;
          debugOnce(`${name}: ownership decided by the listening process`);
          return objectionTo(found, port, warnOnce);
        };
        const start = first % hosts.length;
        const inTurn = [...hosts.slice(start), ...hosts.slice(0, start)];
        // if no process has begun to listen since, both loopback addresses refuse: one is enough, as Node's first parse
        // of an IPv6 address takes milliseconds (net.isIPv6)
        const isQuiet =
          local &&
          owner === 'app' &&
          !listeners.inherits() &&
          unchangedTables(socketsInUse(), socketsBefore).length === 2;
        socketsBefore = undefined;
        const targets = isQuiet ? inTurn.slice(0, 1) : inTurn;
        let stop = connectToAny(targets, port, local, judge, (accepted, reasons) => {
          answered = accepted?.host ?? '';
          check.done(accepted === undefined && reasons.every(needsNewListener), spent);
          if (accepted?.shared) {
            acceptance.take(accepted.socket, accepted.shared);
            stop = judgeAcceptor(done);
            return;
          }
          // a host without IPv6 always fails with EADDRNOTAVAIL for ::1: the reason of the first address says more
          done(accepted === undefined ? (reasons.find((text) => !isRefusal(text)) ?? reasons[0]) : undefined);
        });
        return () => stop();
      },
      nextInterval: () => (acceptance.pending ? timing.interval : gate.nextInterval()),
      readyBy: () => `tcp ${hostPort(answered, port)}`,
      end: acceptance.end,
    };
  });
}

/** Whether no process listens there. */
function isRefusal(reason: string): boolean {
  return reason === 'ECONNREFUSED' || reason === 'EADDRNOTAVAIL';
}

/** Whether only a new listener can change that: no process listens, or another one does. */
function needsNewListener(reason: string): boolean {
  return isRefusal(reason) || !(/^E[A-Z]+$/.test(reason) || reason === NOT_KNOWN_YET);
}

interface Accepted {
  readonly host: string;
  readonly socket: Socket;
  /** Set if other processes listen there too. The connection then stays open. */
  readonly shared: Shared | undefined;
}

/**
 * Reports the first host that accepted. If none did, it reports the reason of each host in order: its error code, or
 * the text from `whyNot`. `whyNot` runs while the connection is open, because the kernel then walks its table of
 * connections faster.
 *
 * @param inTurn whether to try a host only after the one before refused: loopback refuses at once, and each try costs a
 * millisecond. Other hosts may never answer.
 */
function connectToAny(
  hosts: readonly string[],
  port: number,
  inTurn: boolean,
  whyNot: (host: string) => string | Shared | undefined,
  report: (accepted: Accepted | undefined, reasons: readonly string[]) => void,
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
      if (refusals === hosts.length) report(undefined, errors);
      else tryNext();
    };
    socket.once('connect', () => {
      if (isConnectedToItself(socket)) {
        // a reset, because TIME_WAIT would block the port for the app
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
      report({ host, socket, shared }, errors);
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
 * If no process listens on a loopback port of the ephemeral range, a connect to it can get the same port as its local
 * port. TCP's simultaneous open then connects the socket to itself (RFC 9293, 3.5), and no process has accepted it.
 */
function isConnectedToItself(socket: Socket): boolean {
  return socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
}
