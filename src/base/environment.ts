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
 * The variable in which the first lines of bin/sd-ready-wrap.cjs hand over, in base64, the environment that they were
 * started with (environ in proc(5)). They are read by a shell, and a shell changes what it passes on: dash drops names
 * that are no identifiers, bash rewrites exported functions, and both set PWD.
 */
export const STARTED_WITH = 'SRWE';

export interface AppEnvironment {
  /** Where the app is to send its own sd_notify messages. */
  readonly notifySocket?: string | undefined;
  /** Whether it is told the interval of pings, as it may send them itself. Without WATCHDOG_PID that is for anybody. */
  readonly pings?: boolean;
  /** Whether the stream that JOURNAL_STREAM names is the app's: what passes through us is a socket of our own. */
  readonly journal?: boolean;
}

/** Whether the wrapper was started by its own name, so that its Node does not see what is meant for the app's. */
export function startedByName(own: NodeJS.ProcessEnv): boolean {
  return own[STARTED_WITH] !== undefined;
}

/**
 * The environment that the wrapper was started with, and a mark for {@link startedByName}.
 * @param own what its Node sees
 */
export function startEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { [STARTED_WITH]: handed = '', ...others } = own;
  const block = Buffer.from(handed, 'base64').toString();
  // what another program by the name of base64 has said, say
  if (!block.endsWith('\0') || !block.includes('=')) return others;
  const variables = new Map<string, string>();
  for (const entry of block.split('\0')) {
    const at = entry.indexOf('=');
    const name = entry.slice(0, at);
    // of two by the same name the first counts (getenv(3))
    if (at >= 0 && !variables.has(name)) variables.set(name, entry.slice(at + 1));
  }
  return Object.fromEntries<string | undefined>([...variables, [STARTED_WITH, '']]);
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
      entry[0] !== STARTED_WITH &&
      (journal || entry[0] !== 'JOURNAL_STREAM') &&
      (!NOT_PASSED_ON.has(entry[0]) || (pings && entry[0] === 'WATCHDOG_USEC')),
  );
  if (notifySocket !== undefined) kept.push(['NOTIFY_SOCKET', notifySocket]);
  return Object.fromEntries(kept);
}
