/** Ready when a file exists that is newer than the start. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ProbeContext } from './context.ts';
import { checkInterval } from './poll.ts';
import { polled } from './polled.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

/** `--file`. A file is newer than the start if it was created, replaced or touched since. */
export function fileProbe({ path }: Extract<ProbeSpec, { kind: 'file' }>, context: ProbeContext): ReadinessProbe {
  const { stamp, stampBefore, timing } = context;
  const before = stampBefore(path);
  const whyNot = (): string | undefined => {
    const now = stamp(path);
    if (now === undefined) return whyMissing(path);
    return now === before ? 'exists, but is older than the start' : undefined;
  };

  return polled(`file ${path}`, context, () => ({
    attempt(done) {
      done(whyNot());
    },
    nextInterval: () => checkInterval(timing.interval),
  }));
}

/** Why there is nothing at a path. systemd removes /run/NAME with the service (systemd.exec(5), RuntimeDirectory=). */
export function whyMissing(path: string): string {
  const directory = dirname(path);
  if (existsSync(directory)) return 'does not exist';
  const name = /^\/run\/([^/]+)$/.exec(directory)?.[1];
  return `does not exist, nor does ${directory}${name === undefined ? '' : ` (RuntimeDirectory=${name} creates it)`}`;
}
