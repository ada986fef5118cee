/**
 * A port of socket activation accepts connections before anybody serves them, so an accepted one is no sign of readiness
 * (systemd.socket(5)).
 */
import { UsageError } from '../core/errors.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import { type Before, inheritedPorts } from '../process/listeners.ts';

/** @throws {UsageError} */
export function refuseInheritedPorts(probes: readonly ProbeSpec[], before: Before): void {
  if (before.inherited.size === 0) return;
  const ports = inheritedPorts(before);
  for (const spec of probes) {
    if (spec.kind === 'tcp' && ports.has(spec.port)) {
      throw new UsageError(
        spec.written,
        'systemd listens on that port itself (socket activation), and accepts before the app serves',
        'use --http, --notify or --ipc, e.g. --http http://127.0.0.1:3000/',
      );
    }
  }
}
