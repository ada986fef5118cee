/** `--version`: the versions that a bug report needs. */
import { VERSION } from '../base/version.ts';
import { availableTransports } from '../notify/open.ts';
import { systemdVersion } from '../unit/host-systemd.ts';

export async function describeVersions(): Promise<string> {
  const { usable, failures } = await availableTransports();
  // failures matter only if no transport works
  const transports = usable.length > 0 ? usable.join(', ') : `only OpenFile=; unusable: ${failures.join('; ')}`;
  return [
    `sd-ready-wrap ${VERSION}`,
    `Node ${process.version} (${process.execPath})`,
    (await systemdVersion()) ?? 'systemd: not found',
    `notify transport: ${transports}`,
    '',
  ].join('\n');
}
