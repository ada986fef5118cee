/** Directories for files that are useless once the wrapper has ended. */
import { tmpdir } from 'node:os';

/**
 * The best first: the first of $RUNTIME_DIRECTORY, which systemd removes when the unit stops (RuntimeDirectory= in
 * systemd.exec(5)); $XDG_RUNTIME_DIR, removed with the user's last session (pam_systemd(8)); $TMPDIR or /tmp.
 * @param env the wrapper's environment
 */
export function runtimeDirectories(env: NodeJS.ProcessEnv): readonly string[] {
  const [runtime = ''] = (env['RUNTIME_DIRECTORY'] ?? '').split(':');
  return [runtime, env['XDG_RUNTIME_DIR'] ?? '', tmpdir()].filter((directory) => directory.startsWith('/'));
}
