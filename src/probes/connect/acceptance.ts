/**
 * Judges a connection to a shared listener: it counts if the app accepted it. Until a process accepts it, the
 * connection stays open and is checked again, so that at most one connection of ours waits in the backlog.
 */
import type { Socket } from 'node:net';
import type { Disposer } from '../../base/clock.ts';
import type { Shared } from '../../sockets/ownership.ts';
import type { ProbeContext } from '../context.ts';
import { SHARE } from '../poll.ts';
import { leave } from './connection.ts';
import { onceEach } from './objection.ts';

/** The listener may be shared with a process that hangs: after this time another connection may reach the app, ms. */
const KEPT_FOR = 5000;

/** Pause after a connection that another process accepted, before the next one to the same listener, ms. */
export const SHARED_PACE = 60;

export interface Acceptance {
  /** Whether a connection waits for its verdict. */
  readonly pending: boolean;
  /** Whether it is too early for another connection. */
  readonly resting: boolean;
  take(connection: Socket, listener: Shared): void;
  /** Reports why the connection does not count yet, or undefined if the app accepted it. The disposer cancels it. */
  judge(report: (reason?: string) => void): Disposer;
  end(): void;
}

/**
 * @param whyNotListener why the listener does not count; it decides if the kernel hides the acceptor
 * @param path the path, for a Unix socket
 */
export function acceptanceOf(
  name: string,
  { clock, listeners, debug }: Pick<ProbeContext, 'clock' | 'listeners' | 'debug'>,
  whyNotListener: (listener: Shared) => string | undefined,
  path?: string,
): Acceptance {
  let current: { connection: Socket; listener: Shared; since: number } | undefined;
  const debugOnce = onceEach(debug);
  let restUntil = Number.NEGATIVE_INFINITY;
  let reason = NOT_YET;
  const end = () => {
    if (current) leave(current.connection);
    current = undefined;
  };
  return {
    get pending() {
      return current !== undefined;
    },
    get resting() {
      return clock.now() < restUntil;
    },
    take(connection, listener) {
      end();
      current = { connection, listener, since: clock.now() };
      connection.removeAllListeners('error').on('error', () => {});
      connection.unref();
      restUntil = Number.NEGATIVE_INFINITY;
    },
    judge(report) {
      const own = current;
      if (!own || clock.now() < restUntil) {
        report(reason);
        return () => {};
      }
      let cancelled = false;
      const run = async () => {
        const found = await listeners.acceptorOf(own.connection, own.listener, path);
        if (cancelled) return;
        const now = clock.now();
        restUntil = now + found.spent * SHARE;
        const rule =
          found.by === 'hidden' ? 'the listening process (the accepting one is hidden)' : 'the accepting process';
        debugOnce(`${name}: ownership decided by ${rule} (${found.seenBy})`);
        if (found.by === 'waiting') reason = NOT_YET;
        if (found.by === 'waiting' && now < own.since + KEPT_FOR) return report(reason);
        end();
        if (found.by === 'other') {
          const isTheirs = own.listener.otherwise?.by === 'other';
          const held = isTheirs ? whyNotListener(own.listener) : undefined;
          restUntil = now + Math.max(SHARED_PACE, found.spent * SHARE);
          reason = held ?? `accepted by ${found.holder}, not by the app`;
        }
        if (found.by === 'app') report();
        else report(found.by === 'hidden' ? whyNotListener(own.listener) : reason);
      };
      void run().catch((error) => report(error.code ?? String(error)));
      return () => {
        cancelled = true;
      };
    },
    end,
  };
}

const NOT_YET = 'connected, but not accepted by the app yet';
