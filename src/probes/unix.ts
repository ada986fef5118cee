/** Ready when a connection to a Unix stream socket is accepted. */
import { connect } from 'node:net';
import { pollUntil } from '../core/poll.ts';
import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import { leave } from './connection.ts';
import type { ProbeContext } from './context.ts';
import { lookInterval } from './look-interval.ts';

/** `--unix`. What listened at the path before the app was started does not count. */
export function unixProbe(
  { path }: Extract<ProbeSpec, { kind: 'unix' }>,
  { clock, timing, listeners, stamp: stampOf }: ProbeContext,
): ReadinessProbe {
  const name = `unix ${path}`;
  const abstract = path.startsWith('@');
  let reason = '';
  return {
    name,
    asks: true,
    get reason() {
      return reason;
    },
    async wait(signal) {
      reason = '';
      // what stood at the path when a connection was last refused, and when that was
      let refused: string | undefined | 'never asked' = 'never asked';
      let askedAt = Number.NEGATIVE_INFINITY;
      await pollUntil(
        (done) => {
          const there = abstract ? '' : stampOf(path);
          const now = clock.now();
          // asked at least once, as a first connect takes milliseconds, which then are over when it counts
          if (there === refused && (there === undefined || now + 1 < askedAt + timing.interval)) {
            done(reason);
            return () => {};
          }
          askedAt = now;
          refused = there;
          const socket = connect({ path: abstract ? `\0${path.slice(1)}` : path });
          socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
          socket.once('connect', () => {
            leave(socket);
            const owner = listeners.ownerOfPath(path);
            done(owner?.by === 'other' ? `held by ${owner.holder}, not by the app` : undefined);
          });
          return () => {
            socket.removeAllListeners().on('error', () => {});
            socket.destroy();
          };
        },
        { ...timing, interval: lookInterval(timing.interval) },
        clock,
        signal,
        (latest) => {
          reason = latest;
        },
      );
      return name;
    },
  };
}
