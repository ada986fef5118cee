/** Where a file of ours may go that is of no use once we have ended. */
import { tmpdir } from 'node:os';

/**
 * The best first: what systemd removes when the unit stops ($RUNTIME_DIRECTORY, of several the first; RuntimeDirectory=
 * in systemd.exec(5)), what goes with the user's last session ($XDG_RUNTIME_DIR, pam_systemd(8)), $TMPDIR or /tmp.
 * @param env of the wrapper
 */
export function runtimeDirectories(env: NodeJS.ProcessEnv): readonly string[] {
  const [runtime = ''] = (env['RUNTIME_DIRECTORY'] ?? '').split(':');
  return [runtime, env['XDG_RUNTIME_DIR'] ?? '', tmpdir()].filter((directory) => directory.startsWith('/'));
}
