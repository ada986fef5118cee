/** Ready when a connection to a Unix stream socket is accepted. */
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { Shared } from '../../sockets/ownership.ts';
import type { ProbeContext } from '../context.ts';
import { withoutDirectory } from '../file.ts';
import { lookInterval } from '../poll.ts';
import { polled } from '../polled.ts';
import type { ReadinessProbe } from '../probe.ts';
import type { ProbeSpec } from '../spec.ts';
import { acceptanceOf, SHARED_PACE } from './acceptance.ts';
import { leave } from './connection.ts';
import { onceEach } from './objection.ts';

/** How long somebody else's socket is believed to stand at the path, while nothing else does, ms. */
const BELIEVED = 500;

/** To find out whose it is may take one part in so many of the time. */
const SHARE = 20;

/** `--unix`. Somebody else's socket at the path does not count. */
export function unixProbe(
  { path, owner: wanted }: Extract<ProbeSpec, { kind: 'unix' }>,
  context: ProbeContext,
): ReadinessProbe {
  const { clock, timing, listeners, stamp: stampOf, stampBefore, warn, debug } = context;
  const name = `unix ${path}`;
  const abstract = path.startsWith('@');
  const tell = onceEach(warn);
  const tellRule = onceEach(debug);
  const isOld = () => {
    const before = abstract ? undefined : stampBefore(path);
    return before !== undefined && before === stampOf(path);
  };
  const objectionTo = (owner: Shared['otherwise']): string | undefined => {
    if (owner?.by === 'systemd') return 'accepted by systemd, not by the app yet';
    if (owner?.by !== 'other') return undefined;
    const held = `held by ${owner.holder}, not by the app`;
    tell(`${path} is ${held}; if that is intended, add --tcp-owner any`);
    return held;
  };
  return polled(name, context, () => {
    const acceptance = acceptanceOf(name, context, ({ otherwise }) => objectionTo(otherwise), path);
    // what stood at the path when a connection was last refused, and when that was
    let refused: string | undefined | 'not tried yet' = 'not tried yet';
    let askedAt = Number.NEGATIVE_INFINITY;
    let believed = timing.interval;
    let tableAt = Number.NEGATIVE_INFINITY;
    /** Node and the app may each mean another name by it (https://github.com/libuv/libuv/pull/4266). */
    const hasAnotherName = () => {
      const began = clock.now();
      if (!abstract || began < tableAt) return false;
      const { by } = listeners.ownerOfPath(path, false) ?? {};
      tableAt = began + (clock.now() - began) * SHARE;
      return by === 'app';
    };
    let isInherited = false;
    const askWho = (done: (reason?: string) => void) =>
      acceptance.ask((reason) => {
        if (!acceptance.waits) believed = Math.max(timing.interval, isInherited ? SHARED_PACE : BELIEVED);
        done(reason);
      });
    return {
      attempt(done, latest) {
        if (acceptance.waits) return askWho(done);
        const there = abstract ? '' : stampOf(path);
        const now = clock.now();
        // asked at least once, as a first connect takes milliseconds, which then are over when it counts
        if (there === refused && (there === undefined || now + 1 < askedAt + believed)) {
          done(latest);
          return;
        }
        askedAt = now;
        refused = there;
        believed = timing.interval;
        const socket = connect({ path: abstract ? `\0${path.slice(1)}` : path });
        socket.once('error', (error: NodeJS.ErrnoException) => {
          const isApps = error.code === 'ECONNREFUSED' && hasAnotherName();
          const missing = error.code === 'ENOENT' && !abstract && !existsSync(dirname(path));
          done(isApps ? undefined : missing ? withoutDirectory(dirname(path)) : (error.code ?? error.message));
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
            stop = askWho(done);
            return;
          }
          leave(socket);
          tellRule(`${name}: ownership decided by the listening process`);
          const objection = objectionTo(owner);
          const spent = clock.now() - now;
          // a path shows when another socket stands there
          if (objection !== undefined && !abstract) believed = Math.max(timing.interval, BELIEVED, spent * SHARE);
          done(objection);
        });
        return () => stop();
      },
      nextInterval: () => (acceptance.waits ? timing.interval : lookInterval(timing.interval)),
      end: acceptance.end,
    };
  });
}
