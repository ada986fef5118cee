/** Refuses `--fd` with a number that is in use already. */
import type { Inherited } from '../app/inherited.ts';
import { UsageError } from '../base/errors.ts';
import { firstFree } from '../notify/listen-fds.ts';
import type { ProbeSpec } from '../probes/spec.ts';

/**
 * The app cannot signal readiness by a descriptor that it gets from systemd or a shell.
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
