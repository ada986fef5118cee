import type { TestSystemd } from './private-systemd.js';

/** The version of this manager's systemd: 252. */
export async function versionOf(systemd: TestSystemd): Promise<number> {
  return Number(/^systemd (\d+)/.exec((await systemd.run('systemctl', ['--version'])).stdout)?.[1]);
}
