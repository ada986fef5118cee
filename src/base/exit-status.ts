/**
 * How a process ends, and the statuses that the wrapper adds of its own. They are those of env(1), timeout(1) and
 * nohup(1), because apps and systemd (systemd.exec(5), "Process Exit Codes") seldom use them.
 */

/** How a process ended, as wait(2) tells it: a code from 0 to 255, or the signal that ended it (`SIGTERM`). */
export type ExitStatus = ({ readonly code: number } | { readonly signal: string }) & {
  /** It ended unseen, as somebody else's child: this is what it is taken for. */
  readonly guessed?: true;
};

/** The wrapper's own exit codes. */
export const EXIT = {
  /**
   * The app was handed over. Nobody looks at it where the app is the main process now; where it died before systemd
   * took it for that, the unit has failed.
   */
  HANDED_OVER: 1,
  /** Not ready within `--timeout`; the app was stopped. As timeout(1). */
  NOT_READY: 124,
  /** Bad usage, a notify socket that cannot be used, a bug of ours. As env(1). */
  OWN_FAILURE: 125,
  /** The command was found and cannot be executed. */
  CANNOT_EXECUTE: 126,
  /** The command was not found. */
  NOT_FOUND: 127,
} as const;

/** In words, for the log and for STATUS=: `exited with code 3`, `was killed by SIGSEGV`. */
export function describeExit(status: ExitStatus): string {
  if (status.guessed)
    return `ended with an unknown status, assuming ${'code' in status ? `exit code ${status.code}` : status.signal}`;
  return 'code' in status ? `exited with code ${status.code}` : `was killed by ${status.signal}`;
}

/** What systemd calls a clean end by itself (systemd.service(5), SuccessExitStatus=). */
export function isCleanExit(status: ExitStatus): boolean {
  return 'code' in status ? status.code === 0 : ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGPIPE'].includes(status.signal);
}

/**
 * The exit code for a command that could not be started, from the error code of execve(2). ENOENT is also what a
 * missing interpreter (the `#!` line) gives; env(1) says 127 to that too. Running out of processes, memory or
 * descriptors is no fault of the command, so it counts as a failure of our own.
 */
export function spawnFailureCode(errno: string | undefined): number {
  if (errno === 'ENOENT') return EXIT.NOT_FOUND;
  if (errno === 'EAGAIN' || errno === 'ENOMEM' || errno === 'EMFILE' || errno === 'ENFILE') return EXIT.OWN_FAILURE;
  return EXIT.CANNOT_EXECUTE;
}

/** What mends EMFILE. */
export const RAISE_LIMIT = "raise the unit's LimitNOFILE=";
