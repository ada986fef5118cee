/**
 * Judges a connection to a listener that others share: it counts if the app accepted it. While no process has, it is
 * kept and looked at again, so that no more than one of ours waits in the backlog.
 */
import type { Socket } from 'node:net';
import type { Disposer } from '../../base/clock.ts';
import type { Shared } from '../../sockets/ownership.ts';
import type { ProbeContext } from '../context.ts';
import { leave } from './connection.ts';
import { onceEach } from './objection.ts';

/** A listener may be shared with a process that hangs: after so long another connection may reach the app, ms. */
const KEPT_FOR = 5000;

/** To look who accepted may take one part in so many of the time. */
const SHARE = 20;

/** Between a connection that another process accepted and the next one to the same listener, ms. */
export const SHARED_PACE = 60;

export interface Acceptance {
  /** Whether a connection waits to be judged. */
  readonly waits: boolean;
  /** Whether it is too early for another connection. */
  readonly rests: boolean;
  take(connection: Socket, listener: Shared): void;
  /** Tells why it does not count yet; nothing once the app has accepted it. Not after the disposer was called. */
  ask(tell: (reason?: string) => void): Disposer;
  end(): void;
}

/**
 * @param whyNotListener why the listener does not count: the rule if the kernel hides who accepted
 * @param path of a Unix socket
 */
export function acceptanceOf(
  name: string,
  { clock, listeners, debug }: Pick<ProbeContext, 'clock' | 'listeners' | 'debug'>,
  whyNotListener: (listener: Shared) => string | undefined,
  path?: string,
): Acceptance {
  let current: { connection: Socket; listener: Shared; since: number } | undefined;
  const tellRule = onceEach(debug);
  let restUntil = Number.NEGATIVE_INFINITY;
  let reason = NOT_YET;
  const end = () => {
    if (current) leave(current.connection);
    current = undefined;
  };
  return {
    get waits() {
      return current !== undefined;
    },
    get rests() {
      return clock.now() < restUntil;
    },
    take(connection, listener) {
      end();
      current = { connection, listener, since: clock.now() };
      connection.removeAllListeners('error').on('error', () => {});
      connection.unref();
      restUntil = Number.NEGATIVE_INFINITY;
    },
    ask(tell) {
      const own = current;
      if (!own || clock.now() < restUntil) {
        tell(reason);
        return () => {};
      }
      let cancelled = false;
      const judge = async () => {
        const found = await listeners.acceptorOf(own.connection, own.listener, path);
        if (cancelled) return;
        const now = clock.now();
        restUntil = now + found.spent * SHARE;
        const rule =
          found.by === 'hidden' ? 'the listening process (the accepting one is hidden)' : 'the accepting process';
        tellRule(`${name}: ownership decided by ${rule} (${found.seenBy})`);
        if (found.by === 'waiting') reason = NOT_YET;
        if (found.by === 'waiting' && now < own.since + KEPT_FOR) return tell(reason);
        end();
        if (found.by === 'other') {
          const isTheirs = own.listener.otherwise?.by === 'other';
          const held = isTheirs ? whyNotListener(own.listener) : undefined;
          restUntil = now + Math.max(SHARED_PACE, found.spent * SHARE);
          reason = held ?? `accepted by ${found.holder}, not by the app`;
        }
        if (found.by === 'app') tell();
        else tell(found.by === 'hidden' ? whyNotListener(own.listener) : reason);
      };
      void judge().catch((error) => tell(error.code ?? String(error)));
      return () => {
        cancelled = true;
      };
    },
    end,
  };
}

const NOT_YET = 'connected, but not accepted by the app yet';
