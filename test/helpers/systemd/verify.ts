import path from 'node:path';
import type { TestSystemd } from './private-systemd.js';

/**
 * systemd-analyze verify of a unit file in a directory of its own.
 * @returns its exit status and its messages: the status is 0 for warnings too, so what counts is that there is no
 * message
 */
export async function verify(systemd: TestSystemd, file: string): Promise<readonly [number | null, string]> {
  const flags = systemd.mode === 'system' ? [] : ['--user'];
  // the manager that 247 starts to verify removes the sockets of the one whose directory it shares
  const env = { XDG_RUNTIME_DIR: path.dirname(file) };
  const { code, stderr } = await systemd.run('systemd-analyze', [...flags, 'verify', file], env);
  // about the environment and not the unit: 247 reports that no bus runs here
  return [code, stderr.replace(/.*Failed to connect to system bus: .*\n/, '')];
}
