/** Ready when a file exists that is newer than the start. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ProbeContext } from './context.ts';
import { lookInterval } from './look-interval.ts';
import { pollUntil } from './poll.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

/** `--file`. Newer is whatever is not what stood there before the app was started, touched since or another file. */
export function fileProbe(
  { path }: Extract<ProbeSpec, { kind: 'file' }>,
  { clock, timing, stamp, stampBefore }: ProbeContext,
): ReadinessProbe {
  const name = `file ${path}`;
  const before = stampBefore(path);
  let reason = '';
  const whyNot = (): string | undefined => {
    try {
      const now = stamp(path);
      if (now === undefined) return existsSync(dirname(path)) ? 'not there' : withoutDirectory(dirname(path));
      return now === before ? 'older than the start' : undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  };

  return {
    name,
    asks: true,
    get reason() {
      return reason;
    },
    async wait(signal) {
      reason = '';
      await pollUntil(
        (done) => {
          done(whyNot());
          return () => {};
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

/** What systemd makes, and removes with the service (systemd.exec(5), RuntimeDirectory=). */
function withoutDirectory(directory: string): string {
  const name = /^\/run\/([^/]+)$/.exec(directory)?.[1];
  return `not there, and neither is ${directory}${name === undefined ? '' : ` (RuntimeDirectory=${name} makes it)`}`;
}
