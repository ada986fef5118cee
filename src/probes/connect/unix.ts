/** Ready when a connection to a Unix stream socket is accepted. */
import { connect } from 'node:net';
import type { Shared } from '../../sockets/ownership.ts';
import type { ProbeContext } from '../context.ts';
import { whyMissing } from '../file.ts';
import { checkInterval, SHARE } from '../poll.ts';
import { polled } from '../polled.ts';
import type { ReadinessProbe } from '../probe.ts';
import type { ProbeSpec } from '../spec.ts';
import { acceptanceOf, SHARED_PACE } from './acceptance.ts';
import { leave } from './connection.ts';
import { onceEach, TCP_OWNER_ANY } from './objection.ts';

/** How long another process's socket at the path is not probed again while the path does not change, ms. */
const BELIEVED = 500;

/** `--unix`. Another process's socket at the path does not count. */
export function unixProbe(
  { path, owner: wanted }: Extract<ProbeSpec, { kind: 'unix' }>,
  context: ProbeContext,
): ReadinessProbe {
  const { clock, timing, listeners, stamp: stampOf, stampBefore, warn, debug } = context;
  const name = `unix ${path}`;
  const abstract = path.startsWith('@');
  const warnOnce = onceEach(warn);
  const debugOnce = onceEach(debug);
  const isOld = () => {
    const before = abstract ? undefined : stampBefore(path);
    return before !== undefined && before === stampOf(path);
  };
  const objectionTo = (owner: Shared['otherwise']): string | undefined => {
    if (owner?.by === 'systemd') return 'accepted by systemd, not by the app yet';
    if (owner?.by !== 'other') return undefined;
    const held = `held by ${owner.holder}, not by the app`;
    warnOnce(`${path} is ${held}; ${TCP_OWNER_ANY}`);
    return held;
  };
  return polled(name, context, () => {
    const acceptance = acceptanceOf(name, context, ({ otherwise }) => objectionTo(otherwise), path);
    // the stamp of the path at the last connect
    let refused: string | undefined | 'never connected' = 'never connected';
    let connectedAt = Number.NEGATIVE_INFINITY;
    let believed = timing.interval;
    let tableAt = Number.NEGATIVE_INFINITY;
    /** Node and the app may read an abstract name differently (https://github.com/libuv/libuv/pull/4266). */
    const hasAnotherName = () => {
      const began = clock.now();
      if (!abstract || began < tableAt) return false;
      const { by } = listeners.ownerOfPath(path, false) ?? {};
      tableAt = began + (clock.now() - began) * SHARE;
      return by === 'app';
    };
    let isInherited = false;
    const judgeAcceptor = (done: (reason?: string) => void) =>
      acceptance.judge((reason) => {
        if (!acceptance.pending) believed = Math.max(timing.interval, isInherited ? SHARED_PACE : BELIEVED);
        done(reason);
      });
    return {
      attempt(done, latest) {
        if (acceptance.pending) return judgeAcceptor(done);
        const current = abstract ? '' : stampOf(path);
        const now = clock.now();
        // the first attempt always connects: a first connect takes milliseconds, better now than when it counts
        if (current === refused && (current === undefined || now + 1 < connectedAt + believed)) {
          // the app may have created the directory meanwhile
          done(current === undefined ? whyMissing(path) : latest);
          return;
        }
        connectedAt = now;
        refused = current;
        believed = timing.interval;
        const socket = connect({ path: abstract ? `\0${path.slice(1)}` : path });
        socket.once('error', (error: NodeJS.ErrnoException) => {
          const isApps = error.code === 'ECONNREFUSED' && hasAnotherName();
          const isMissing = error.code === 'ENOENT' && !abstract;
          done(isApps ? undefined : isMissing ? whyMissing(path) : (error.code ?? error.message));
        });
        let stop = () => {
          socket.removeAllListeners().on('error', () => {});
          socket.destroy();
        };
        socket.once('connect', () => {
          const owner = wanted === 'any' ? undefined : listeners.ownerOfPath(path, isOld());
          if (owner?.by === 'shared') {
            acceptance.take(socket, owner);
            isInherited = owner.otherwise?.by === 'systemd';
            stop = judgeAcceptor(done);
            return;
          }
          leave(socket);
          debugOnce(`${name}: ownership decided by the listening process`);
          const objection = objectionTo(owner);
          const spent = clock.now() - now;
          // the stamp of a path shows when another socket takes its place
          if (objection !== undefined && !abstract) believed = Math.max(timing.interval, BELIEVED, spent * SHARE);
          done(objection);
        });
        return () => stop();
      },
      nextInterval: () => (acceptance.pending ? timing.interval : checkInterval(timing.interval)),
      end: acceptance.end,
    };
  });
}
