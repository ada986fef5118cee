/** Ends the wrapper as the app ended. The only place that ends this process. */
import { constants } from 'node:os';
import type { ExitStatus } from '../base/exit-status.ts';
import { makeCoreSmall } from './core-dump.ts';

/** How long a signal sent to ourselves may take to end us before we give up and exit with 128+n, ms. */
const RERAISE_PATIENCE = 300;

/**
 * Exits with the code, or dies of the signal: systemd tells SIGTERM (a clean end) from exit code 143 (a failure), see
 * systemd.service(5), SuccessExitStatus=. All handlers for the signal must be gone, else Node swallows it.
 */
export function endLike(status: ExitStatus, env: NodeJS.ProcessEnv): void {
  if ('code' in status) process.exit(status.code);
  const signal = status.signal as NodeJS.Signals;
  // a first listener that goes away makes libuv restore SIG_DFL, also for the SIGPIPE and SIGXFSZ that Node ignores
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
