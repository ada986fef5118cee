/**
 * How a process ends, and the wrapper's own exit statuses. They are those of env(1), timeout(1) and nohup(1), because
 * apps and systemd (systemd.exec(5), "Process Exit Codes") seldom use them.
 */

/** As wait(2) reports it: a code from 0 to 255, or the name of the signal that ended the process (`SIGTERM`). */
export type ExitStatus = ({ readonly code: number } | { readonly signal: string }) & {
  /** The process ended as another process's child, so its status is unknown: this one is assumed. */
  readonly guessed?: true;
};

/** The wrapper's own exit codes. */
export const EXIT = {
  /**
   * The app was handed over. systemd ignores this status if the app is the main process by then; if the app died
   * before that, the unit fails.
   */
  HANDED_OVER: 1,
  /** Not ready within `--timeout`; the app was stopped. As timeout(1). */
  NOT_READY: 124,
  /** Invalid usage, an unusable notify socket, or a bug in the wrapper. As env(1). */
  OWN_FAILURE: 125,
  /** The command was found and cannot be executed. */
  CANNOT_EXECUTE: 126,
  /** The command was not found. */
  NOT_FOUND: 127,
} as const;

/** For the log and STATUS=: `exited with code 3`, `was killed by SIGSEGV`. */
export function describeExit(status: ExitStatus): string {
  if (status.guessed)
    return `ended with an unknown status, assuming ${'code' in status ? `exit code ${status.code}` : status.signal}`;
  return 'code' in status ? `exited with code ${status.code}` : `was killed by ${status.signal}`;
}

/** Whether it is clean by default, without SuccessExitStatus= (systemd.service(5)). */
export function isCleanExit(status: ExitStatus): boolean {
  return 'code' in status ? status.code === 0 : ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGPIPE'].includes(status.signal);
}

/**
 * The exit codes of apps that handle a stop signal and then exit with 128+n. Not of SIGABRT, which systemd sends only
 * after a failure (systemd.kill(5), WatchdogSignal=).
 */
const CODES_AFTER_STOP: Readonly<Record<string, number>> = { SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 };

/**
 * @param signal the stop signal that the wrapper received
 * @returns undefined if the app did not exit with the code of that signal
 */
export function codeAfterStop(status: ExitStatus, signal = ''): number | undefined {
  return 'code' in status && status.code === CODES_AFTER_STOP[signal] ? status.code : undefined;
}

/**
 * The exit code for a command that could not be started. A missing interpreter (the `#!` line) is ENOENT too, and
 * env(1) exits with 127 for it as well. Running out of processes, memory or descriptors is not the command's fault, so
 * it counts as the wrapper's own failure.
 * @param errno error code of execve(2) or fork(2)
 */
export function spawnFailureCode(errno: string | undefined): number {
  if (errno === 'ENOENT') return EXIT.NOT_FOUND;
  if (errno === 'EAGAIN' || errno === 'ENOMEM' || errno === 'EMFILE' || errno === 'ENFILE') return EXIT.OWN_FAILURE;
  return EXIT.CANNOT_EXECUTE;
}

/** The fix for EMFILE. */
export const RAISE_LIMIT = "raise the unit's LimitNOFILE=";
