/** Ends the wrapper as the app ended. No other code ends this process. */
import { constants } from 'node:os';
import type { ExitStatus } from '../base/exit-status.ts';
import { makeCoreSmall } from './core-dump.ts';

/** How long a signal that the wrapper raised on itself may take, ms; then it exits with 128+n. */
const RERAISE_PATIENCE = 300;

/**
 * Exits with the code or dies by the signal: for systemd SIGTERM is a clean end and exit code 143 a failure, see
 * systemd.service(5), SuccessExitStatus=. All handlers for the signal must be removed before, else Node swallows it.
 */
export function endLike(status: ExitStatus, env: NodeJS.ProcessEnv): void {
  if ('code' in status) process.exit(status.code);
  const signal = status.signal as NodeJS.Signals;
  // libuv restores SIG_DFL when the last listener is removed, also for SIGPIPE and SIGXFSZ, which Node ignores
  try {
    const none = () => {};
    process.on(signal, none);
    process.removeAllListeners(signal);
  } catch {
    // SIGKILL and SIGSTOP cannot be listened for
  }
  makeCoreSmall(signal, env);
  process.kill(process.pid, signal);
  setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), RERAISE_PATIENCE);
}
