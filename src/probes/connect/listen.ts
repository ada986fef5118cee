/** Ready when the app has a listening socket. No connection is made. */
import { type Scheduling, schedulingOf } from '../../base/proc.ts';
import { addressOf, type ListeningSocket } from '../../sockets/ownership.ts';
import { TCP_TABLES } from '../../sockets/rows.ts';
import type { ProbeContext } from '../context.ts';
import { SHARE } from '../poll.ts';
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
 * Port finders open a port for a moment, so an unnamed port must stay open this long, ms. Time in which the app waited
 * for a core does not count, because it could not close the port then. The upper limit is for an observed thread that
 * never gets a core.
 */
const STAYS = 20;
const STAYS_LONGEST = 5000;
/** The app seldom runs for all of this time: this part is enough, and the next check comes after at least AGAIN ms. */
const NEARLY = 0.9;
const AGAIN = 4;

/** The shortest time between two checks whether the app polls an inherited socket, ms. */
const APART = 40;

interface Sought {
  readonly kinds: 'tcp' | 'tcp and unix';
  readonly path?: string | undefined;
  /** Whether it must stay open, see STAYS. */
  readonly stays: boolean;
}

/** A probe for the first listening socket of the app for which `counts` is true. */
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
    /** The socket that must still be open at the next check. */
    let opened: Opened | undefined;
    /** How much longer it must stay open, ms. */
    let missing = STAYS;
    let restUntil = Number.NEGATIVE_INFINITY;
    // a Unix socket is in the kernel's count before it listens, so that count says nothing
    const gate = newSocketGate(timing, clock, kinds === 'tcp' ? socketsInUse : undefined);
    const findSockets = listeners.ofApp(kinds, path);
    return {
      attempt(done, latest) {
        const check = gate.check();
        const now = clock.now();
        // when the app begins to poll an inherited socket, no socket is added: the gate does not notice it
        if (!check && !opened && !(listeners.inherits() && now >= restUntil)) {
          done(latest);
          return;
        }
        const unchanged = check || opened ? (check?.unchanged ?? []) : TCP_TABLES;
        const sockets = findSockets(TCP_TABLES.filter((table) => opened || !unchanged.includes(table)));
        const spent = clock.now() - now;
        check?.done(true, spent);
        restUntil = now + Math.max(spent * SHARE, APART);
        const counting = sockets.filter(counts);
        const again = counting.find(({ inode }) => opened && inode === opened.inode);
        const first = again ?? counting[0];
        const scheduled = stays && first?.pid !== undefined ? scheduling(first.pid) : undefined;
        const openFor = again && opened ? openTime(opened, now, scheduled) : 0;
        found = stays && openFor < NEARLY * STAYS ? undefined : first;
        missing = Math.max(AGAIN, STAYS - openFor);
        if (found)
          debug(`${name}: ownership decided by the ${found.inherited ? 'process that polls it' : 'listening process'}`);
        opened = again ? opened : first && { ...first, since: clock.now(), scheduledThen: scheduled };
        done(found ? undefined : opened ? `${addressOf(opened)} has just been opened` : describeOthers(sockets));
      },
      nextInterval: () => (opened ? missing : gate.nextInterval()),
      readyBy: () => (found ? `${name.split(' ')[0]} ${addressOf(found)}` : name),
    };
  });
}

type Opened = ListeningSocket & { readonly since: number; readonly scheduledThen: Scheduling | undefined };

/** @returns how long the socket was open while the app could have closed it, ms */
function openTime({ since, scheduledThen }: Opened, now: number, scheduled: Scheduling | undefined): number {
  const elapsed = now - since;
  if (!scheduledThen || !scheduled || elapsed >= STAYS_LONGEST) return elapsed;
  // a runnable app may have waited for a core whenever it did not run
  const waited = scheduled.runnable
    ? elapsed - (scheduled.ran - scheduledThen.ran)
    : scheduled.waited - scheduledThen.waited;
  return elapsed - waited;
}

function describeOthers(sockets: readonly ListeningSocket[]): string {
  const own = sockets.filter(({ doubtful }) => !doubtful);
  if (own.length > 0) return `only ${own.map(addressOf).join(', ')} so far`;
  return sockets.length === 0
    ? 'no listening socket yet'
    : "none provably the app's; reading its sockets needs CAP_SYS_PTRACE";
}
