/** Refuses probes of what we were started with. */
import type { Inherited } from '../app/inherited.ts';
import { UsageError } from '../base/errors.ts';
import { firstFree } from '../notify/listen-fds.ts';
import type { ProbeSpec } from '../probes/spec.ts';
import { type Before, inheritedPorts, isInheritedPath } from '../sockets/listeners.ts';

/**
 * A socket of socket activation accepts connections before anybody serves them, so an accepted one is no sign of
 * readiness (systemd.socket(5)).
 * @throws {UsageError}
 */
export function refuseInheritedSockets(probes: readonly ProbeSpec[], before: Before | undefined): void {
  if (!before?.inherited.size) return;
  const ports = inheritedPorts(before);
  for (const spec of probes) {
    if (!('owner' in spec) || spec.owner === 'any') continue;
    if (spec.kind === 'tcp' && ports.has(spec.port)) refuse(spec.written, 'on that port');
    if (spec.kind === 'unix' && isInheritedPath(spec.path, before)) refuse(spec.written, 'at that path');
  }
}

function refuse(written: string, where: string): never {
  throw new UsageError(
    written,
    `systemd listens ${where} itself (socket activation), and accepts before the app serves`,
    'use --http, --notify or --ipc, e.g. --http http://127.0.0.1:3000/',
  );
}

/**
 * One that the app is given by systemd or a shell cannot be the one that it tells us by.
 * @throws {UsageError}
 */
export function refuseTakenDescriptors(probes: readonly ProbeSpec[], { all }: Inherited): void {
  const taken = all.map(({ to }) => to);
  for (const spec of probes) {
    if (spec.kind !== 'fd' || !taken.includes(spec.fd)) continue;
    throw new UsageError(
      `--fd ${spec.fd}`,
      'the app has that descriptor already, from whoever started it',
      `use a free one, e.g. --fd ${firstFree(taken)}`,
    );
  }
}
