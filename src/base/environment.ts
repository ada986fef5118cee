/** What the app's environment is: the wrapper's, less what speaks to the wrapper. */

/** The prefix of the variables that give the wrapper its options. */
export const OPTION_PREFIX = 'SD_READY_WRAP_';

/**
 * Variables that are about the wrapper's process and would mislead the app.
 * - NOTIFY_SOCKET: a message from the app would be refused under NotifyAccess=main, or, with =all, could say READY=1
 *   before the wrapper does (sd_notify(3)).
 * - WATCHDOG_USEC, WATCHDOG_PID: ask the wrapper for pings (sd_watchdog_enabled(3)).
 * - LISTEN_PIDFDID, SYSTEMD_EXEC_PID, MAINPID: name the wrapper's process (systemd.exec(5)).
 * - NODE_CHANNEL_FD and its mode: a channel that the wrapper inherited is not the app's; a Node app crashes on it.
 */
const NOT_PASSED_ON = new Set([
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
  'LISTEN_PIDFDID',
  'SYSTEMD_EXEC_PID',
  'MAINPID',
  'NODE_CHANNEL_FD',
  'NODE_CHANNEL_SERIALIZATION_MODE',
]);

/**
 * What the first line of bin/sd-ready-wrap.cjs keeps from our Node, by its name in the app. Short names: before Linux
 * 5.1 no more than 127 bytes of such a line count (execve(2), "Interpreter scripts").
 */
const PUT_ASIDE: ReadonlyMap<string, string> = new Map([
  ['SRWO', 'NODE_OPTIONS'],
  ['SRWC', 'NODE_EXTRA_CA_CERTS'],
]);

export interface AppEnvironment {
  /** Where the app is to send its own sd_notify messages. */
  readonly notifySocket?: string | undefined;
  /** Whether it is told the interval of pings, as it may send them itself. Without WATCHDOG_PID that is for anybody. */
  readonly pings?: boolean;
  /** Whether the stream that JOURNAL_STREAM names is the app's: what passes through us is a socket of our own. */
  readonly journal?: boolean;
}

/** Whether the wrapper was started by its own name: then its first line was obeyed. */
export function startedByName(own: NodeJS.ProcessEnv): boolean {
  return [...PUT_ASIDE.keys()].every((name) => own[name] !== undefined);
}

/** The environment for the app, out of the wrapper's own. */
export function appEnvironment(
  own: NodeJS.ProcessEnv,
  { notifySocket, pings = false, journal = true }: AppEnvironment = {},
): Record<string, string> {
  const kept = Object.entries(own).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      !entry[0].startsWith(OPTION_PREFIX) &&
      !PUT_ASIDE.has(entry[0]) &&
      (journal || entry[0] !== 'JOURNAL_STREAM') &&
      (!NOT_PASSED_ON.has(entry[0]) || (pings && entry[0] === 'WATCHDOG_USEC')),
  );
  for (const [aside, name] of PUT_ASIDE) {
    const value = own[aside];
    // where it is there by itself, what was put aside is of a wrapper around us
    if (value && own[name] === undefined) kept.push([name, value]);
  }
  if (notifySocket !== undefined) kept.push(['NOTIFY_SOCKET', notifySocket]);
  return Object.fromEntries(kept);
}
