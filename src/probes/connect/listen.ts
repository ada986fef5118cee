/** Ready when the app has a listening socket. No connection is made. */

import { addressOf, type ListeningSocket } from '../../sockets/ownership.ts';
import { TCP_TABLES } from '../../sockets/rows.ts';
import type { ProbeContext } from '../context.ts';
import { polled } from '../polled.ts';
import type { ReadinessProbe } from '../probe.ts';
import type { ProbeSpec } from '../spec.ts';
import { newSocketGate } from './new-socket-gate.ts';
import { type SocketsInUse, tcpSocketsInUse } from './tcp-sockets.ts';

/** `--listen`. */
export function listenProbe(
  { target }: Extract<ProbeSpec, { kind: 'listen' }>,
  context: ProbeContext,
  socketsInUse?: () => SocketsInUse | undefined,
): ReadinessProbe {
  const counts = (socket: ListeningSocket) => {
    if (target === 'any') return !socket.doubtful;
    return socket.kind === 'tcp' ? socket.port === target : context.listeners.isSamePath(socket.path, String(target));
  };
  const kinds = typeof target === 'number' ? 'tcp' : 'tcp and unix';
  return listening(`listen ${target}`, counts, kinds, context, socketsInUse);
}

/** A probe for the app's first listening socket that counts. */
export function listening(
  name: string,
  counts: (socket: ListeningSocket) => boolean,
  kinds: 'tcp' | 'tcp and unix',
  context: ProbeContext,
  socketsInUse: () => SocketsInUse | undefined = tcpSocketsInUse,
): ReadinessProbe {
  const { clock, timing, listeners } = context;
  return polled(name, context, () => {
    let found: ListeningSocket | undefined;
    // the number of Unix sockets does not change when one begins to listen
    const gate = newSocketGate(timing, clock, kinds === 'tcp' ? socketsInUse : undefined);
    const look = listeners.ofApp(kinds);
    return {
      attempt(done, latest) {
        const asking = gate.look();
        if (!asking) {
          done(latest);
          return;
        }
        const began = clock.now();
        const sockets = look(TCP_TABLES.filter((table) => !asking.unchanged.includes(table)));
        asking.done(true, clock.now() - began);
        found = sockets.find(counts);
        done(found ? undefined : describeOthers(sockets));
      },
      nextInterval: gate.nextInterval,
      readyBy: () => (found ? `${name.split(' ')[0]} ${addressOf(found)}` : name),
    };
  });
}

function describeOthers(sockets: readonly ListeningSocket[]): string {
  const own = sockets.filter(({ doubtful }) => !doubtful);
  if (own.length > 0) return `only ${own.map(addressOf).join(', ')} yet`;
  return sockets.length === 0
    ? 'no listening socket yet'
    : "none yet that is surely the app's, whose sockets are hidden from us (CAP_SYS_PTRACE)";
}
