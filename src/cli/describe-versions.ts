/** `--version`: what a report of a problem has to name. */
import { VERSION } from '../base/version.ts';
import { transportsHere } from '../notify/open.ts';
import { systemdVersion } from '../unit/host-systemd.ts';

export async function describeVersions(): Promise<string> {
  const { usable, failures } = await transportsHere();
  // what one of them lacks matters only if none works
  const transports = usable.length > 0 ? usable.join(', ') : `only OpenFile=; unusable: ${failures.join('; ')}`;
  return [
    `sd-ready-wrap ${VERSION}`,
    `Node ${process.version} (${process.execPath})`,
    (await systemdVersion()) ?? 'systemd: not found',
    `notify transport: ${transports}`,
    '',
  ].join('\n');
}
