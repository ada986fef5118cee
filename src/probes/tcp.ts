/** Ready when a TCP connection is accepted. */
import { connect, type Socket } from 'node:net';
import type { Disposer } from '../core/clock.ts';
import { pollUntil } from '../core/poll.ts';
import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import type { ProbeContext } from './context.ts';
import { tcpSocketsInUse } from './tcp-sockets.ts';

/**
 * A look whether any socket was added costs little, so there are several to an interval, and a connect follows at once
 * where one was. Looks to an interval.
 */
const LOOKS = 2;

/**
 * For so many intervals a refusal is believed while no socket was added. Not for ever: a socket that was added while
 * another went is not seen, nor one that is forwarded from elsewhere (a container).
 */
const BELIEVED = 5;

/** `--tcp`. The hosts are IP addresses. */
export function tcpProbe(
  { hosts, port }: Extract<ProbeSpec, { kind: 'tcp' }>,
  { clock, timing }: ProbeContext,
  socketsInUse: () => string | undefined = tcpSocketsInUse,
): ReadinessProbe {
  let reason = '';
  const local = hosts.every(isLoopback);
  return {
    name: describe(hosts[0] as string, port),
    get reason() {
      return reason;
    },
    async wait(signal) {
      let answered = '';
      let refusedAt: string | undefined;
      let askedAt = Number.NEGATIVE_INFINITY;
      // the last connect that was made for more than to be sure: only those wait for each other
      let unsureAt = Number.NEGATIVE_INFINITY;
      await pollUntil(
        (done) => {
          const inUse = local ? socketsInUse() : undefined;
          const calm = inUse !== undefined && inUse === refusedAt;
          const restsUntil = calm ? askedAt + timing.interval * BELIEVED : unsureAt + timing.interval;
          if (clock.now() < restsUntil) {
            done(reason);
            return () => {};
          }
          refusedAt = undefined;
          return connectToAny(hosts, port, (accepted, errors) => {
            answered = accepted ?? '';
            askedAt = clock.now();
            if (!calm) unsureAt = askedAt;
            if (errors.every(isRefusal)) refusedAt = inUse;
            // a host without IPv6 says EADDRNOTAVAIL for ::1 for ever: the first address tells more
            done(accepted === undefined ? errors[0] : undefined);
          });
        },
        { ...timing, interval: Math.max(1, timing.interval / LOOKS) },
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

function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.');
}

/** Nobody listens there: nothing but a new listener can change that. */
function isRefusal(code: string): boolean {
  return code === 'ECONNREFUSED' || code === 'EADDRNOTAVAIL';
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
    const refused = (code: string) => {
      errors[index] = code;
      open -= 1;
      if (open === 0) tell(undefined, errors);
    };
    socket.once('connect', () => {
      if (isConnectedToItself(socket)) {
        // reset, so that no TIME_WAIT keeps the port from the app
        socket.resetAndDestroy();
        refused('ECONNREFUSED');
        return;
      }
      close();
      leave(socket);
      tell(host, errors);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => refused(error.code ?? error.message));
    return socket;
  });
  const close = () => {
    for (const socket of sockets) if (socket.connecting) socket.removeAllListeners('connect').destroy();
  };
  return close;
}

/** How long the app may take to close a connection that it accepted from us, ms. */
const LEAVE_TIMEOUT = 1000;

/**
 * Says goodbye to an app that accepted: reads what it sends and closes in order. To cut the connection off would be an
 * ECONNRESET in the app, which ends a Node server that speaks first and listens for no error.
 */
function leave(socket: Socket): void {
  socket
    .removeAllListeners('error')
    .on('error', () => {})
    .resume()
    .end()
    .unref()
    .setTimeout(LEAVE_TIMEOUT, () => socket.destroy());
}

/**
 * A connect to a loopback port of the ephemeral range where nobody listens can be given that very port as its own, and
 * then TCP's simultaneous open connects the socket to itself (RFC 9293, 3.5): nobody has accepted anything.
 */
function isConnectedToItself(socket: Socket): boolean {
  return socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
}
