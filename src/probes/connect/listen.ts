/** Ready when the app has a listening socket. No connection is made. */

import { type Scheduling, schedulingOf } from '../../base/proc.ts';
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
 * What the app waited for a core is no part of that time, as it could not close it then; up to the longest, as the
 * thread that we look at may be one that never gets a core.
 */
const STAYS = 20;
const STAYS_LONGEST = 1000;
/** The app seldom gets each moment of it, and then it is looked again so soon. */
const NEARLY = 0.9;
const AGAIN = 4;

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
  scheduling = schedulingOf,
): ReadinessProbe {
  const { clock, timing, listeners, debug } = context;
  return polled(name, context, () => {
    let found: ListeningSocket | undefined;
    /** What has to be there again. */
    let opened: Opened | undefined;
    /** For how much longer, ms. */
    let missing = STAYS;
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
        const first = again ?? counting[0];
        const fares = stays && first?.pid !== undefined ? scheduling(first.pid) : undefined;
        const had = again && opened ? timeHad(opened, now, fares) : 0;
        found = stays && had < NEARLY * STAYS ? undefined : first;
        missing = Math.max(AGAIN, STAYS - had);
        if (found)
          debug(`${name}: ownership decided by the ${found.inherited ? 'process that polls it' : 'listening process'}`);
        opened = again ? opened : first && { ...first, since: clock.now(), fared: fares };
        done(found ? undefined : opened ? `${addressOf(opened)} has just been opened` : describeOthers(sockets));
      },
      nextInterval: () => (opened ? missing : gate.nextInterval()),
      readyBy: () => (found ? `${name.split(' ')[0]} ${addressOf(found)}` : name),
    };
  });
}

type Opened = ListeningSocket & { readonly since: number; readonly fared: Scheduling | undefined };

/** @returns how long the app could have closed it, ms */
function timeHad({ since, fared }: Opened, now: number, fares: Scheduling | undefined): number {
  const elapsed = now - since;
  if (!fared || !fares || elapsed >= STAYS_LONGEST) return elapsed;
  // it may have been waiting for a core all the time that it did not run
  const waited = fares.runnable ? elapsed - (fares.ran - fared.ran) : fares.waited - fared.waited;
  return elapsed - waited;
}

function describeOthers(sockets: readonly ListeningSocket[]): string {
  const own = sockets.filter(({ doubtful }) => !doubtful);
  if (own.length > 0) return `only ${own.map(addressOf).join(', ')} so far`;
  return sockets.length === 0
    ? 'no listening socket yet'
    : "none provably the app's; reading its sockets needs CAP_SYS_PTRACE";
}
