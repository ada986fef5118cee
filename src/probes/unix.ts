/** Ready when a connection to a Unix stream socket is accepted. */
import { connect } from 'node:net';
import { pollUntil } from '../core/poll.ts';
import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import { leave } from './connection.ts';
import type { ProbeContext } from './context.ts';

/** `--unix`. What listened at the path before the app was started does not count. */
export function unixProbe(
  { path }: Extract<ProbeSpec, { kind: 'unix' }>,
  { clock, timing, listeners }: ProbeContext,
): ReadinessProbe {
  const name = `unix ${path}`;
  let reason = '';
  return {
    name,
    get reason() {
      return reason;
    },
    async wait(signal) {
      await pollUntil(
        (done) => {
          const socket = connect({ path: path.startsWith('@') ? `\0${path.slice(1)}` : path });
          socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
          socket.once('connect', () => {
            leave(socket);
            const owner = listeners.ownerOfPath(path);
            done(owner?.by === 'other' ? `held by ${owner.holder}, not by the app` : undefined);
          });
          return () => {
            if (socket.connecting) socket.removeAllListeners().on('error', () => {});
            socket.destroy();
          };
        },
        timing,
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
