/** Ready when a file exists that is newer than the start. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ProbeContext } from './context.ts';
import { lookInterval } from './poll.ts';
import { polled } from './polled.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

/** `--file`. Newer is whatever is not what stood there before the app was started, touched since or another file. */
export function fileProbe({ path }: Extract<ProbeSpec, { kind: 'file' }>, context: ProbeContext): ReadinessProbe {
  const { stamp, stampBefore, timing } = context;
  const before = stampBefore(path);
  const whyNot = (): string | undefined => {
    const now = stamp(path);
    if (now === undefined) return existsSync(dirname(path)) ? 'does not exist' : withoutDirectory(dirname(path));
    return now === before ? 'exists, but is older than the start' : undefined;
  };

  return polled(`file ${path}`, context, () => ({
    attempt(done) {
      done(whyNot());
    },
    nextInterval: () => lookInterval(timing.interval),
  }));
}

/** What systemd makes, and removes with the service (systemd.exec(5), RuntimeDirectory=). */
export function withoutDirectory(directory: string): string {
  const name = /^\/run\/([^/]+)$/.exec(directory)?.[1];
  return `does not exist, nor does ${directory}${name === undefined ? '' : ` (RuntimeDirectory=${name} creates it)`}`;
}
