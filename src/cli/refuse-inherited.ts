/** Refuses probes of what we were started with. */
import type { Inherited } from '../app/inherited.ts';
import { UsageError } from '../base/errors.ts';
import { firstFree } from '../notify/listen-fds.ts';
import type { ProbeSpec } from '../probes/spec.ts';

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
      'the app inherits that descriptor already (from systemd or a shell)',
      `use a free one, e.g. --fd ${firstFree(taken)}`,
    );
  }
}
