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
  const { listeners, stamp, stampBefore } = context;
  const before = typeof target === 'string' ? stampBefore(target) : undefined;
  const counts = (socket: ListeningSocket) => {
    if (target === 'any') return !socket.doubtful;
    if (socket.kind === 'tcp') return socket.port === target;
    const isOld = !socket.inherited && before !== undefined && stamp(socket.path) === before;
    return !socket.gone && !isOld && listeners.isSamePath(socket.path, String(target));
  };
  const sought =
    typeof target === 'number'
      ? ({ kinds: 'tcp' } as const)
      : ({ kinds: 'tcp and unix', path: target === 'any' ? undefined : target } as const);
  return listening(`listen ${target}`, counts, { ...sought, stays: target === 'any' }, context, socketsInUse);
}

/**
 * Port finders open a port for a moment: one that is to count at whatever number has to be there after so long too, ms.
 * If we are late ourselves, the app has had no time to close it either: then once more, up to the longest.
 */
const STAYS = 20;
const STAYS_LONGEST = 100;

/** To look whether an inherited socket is polled may take one part in so many of the time, and is so long apart, ms. */
const SHARE = 20;
const APART = 40;

interface Sought {
  readonly kinds: 'tcp' | 'tcp and unix';
  readonly path?: string | undefined;
  /** Whether it has to be there a moment later too. */
  readonly stays: boolean;
}

/** A probe for the app's first listening socket that counts. */
export function listening(
  name: string,
  counts: (socket: ListeningSocket) => boolean,
  { kinds, path, stays }: Sought,
  context: ProbeContext,
  socketsInUse: () => SocketsInUse | undefined = tcpSocketsInUse,
): ReadinessProbe {
  const { clock, timing, listeners, debug } = context;
  return polled(name, context, () => {
    let found: ListeningSocket | undefined;
    /** What has to be there again, since when, and when it was looked at last. */
    let opened: (ListeningSocket & { readonly since: number; readonly seen: number }) | undefined;
    let restUntil = Number.NEGATIVE_INFINITY;
    // the number of Unix sockets does not change when one begins to listen
    const gate = newSocketGate(timing, clock, kinds === 'tcp' ? socketsInUse : undefined);
    const look = listeners.ofApp(kinds, path);
    return {
      attempt(done, latest) {
        const asking = gate.look();
        const now = clock.now();
        // no socket is added when the app begins to poll one
        if (!asking && !opened && !(listeners.inherits() && now >= restUntil)) {
          done(latest);
          return;
        }
        const unchanged = asking || opened ? (asking?.unchanged ?? []) : TCP_TABLES;
        const sockets = look(TCP_TABLES.filter((table) => opened || !unchanged.includes(table)));
        const spent = clock.now() - now;
        asking?.done(true, spent);
        restUntil = now + Math.max(spent * SHARE, APART);
        const counting = sockets.filter(counts);
        const again = counting.find(({ inode }) => opened && inode === opened.inode);
        const onTime = opened !== undefined && now < opened.seen + 1.5 * STAYS;
        const first = again ?? counting[0];
        const since = again && opened ? opened.since : now;
        found = stays && !(again && (onTime || now >= since + STAYS_LONGEST)) ? undefined : first;
        if (found) debug(`${name}: judged by who ${found.inherited ? 'polls the inherited socket' : 'listens'}`);
        opened = first && { ...first, since, seen: now };
        done(found ? undefined : opened ? `${addressOf(opened)} has just been opened` : describeOthers(sockets));
      },
      nextInterval: () => (opened ? STAYS : gate.nextInterval()),
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
