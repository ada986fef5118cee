/** The app's environment: the wrapper's, without the variables that are for the wrapper. */

/** The prefix of the variables that give the wrapper its options. */
export const OPTION_PREFIX = 'SD_READY_WRAP_';

/**
 * Variables that describe the wrapper's process and would mislead the app.
 * - NOTIFY_SOCKET: systemd refuses the app's notifications with NotifyAccess=main; with =all, the app's READY=1 could
 *   arrive before the wrapper's (sd_notify(3)).
 * - WATCHDOG_USEC, WATCHDOG_PID: they request pings from the wrapper (sd_watchdog_enabled(3)).
 * - LISTEN_PIDFDID, SYSTEMD_EXEC_PID, MAINPID: they name the wrapper's process (systemd.exec(5)).
 * - NODE_CHANNEL_FD and its mode: the app does not get a channel that the wrapper inherited; a Node app would crash.
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
 * Holds in base64 the environment that bin/sd-ready-wrap.cjs was started with (environ in proc(5)). A shell runs its
 * first lines, and a shell changes the environment: dash drops names that are not identifiers, bash rewrites exported
 * functions, and both set PWD.
 */
export const STARTED_WITH = 'SRWE';

export interface AppEnvironment {
  /** The app's NOTIFY_SOCKET. */
  readonly notifySocket?: string | undefined;
  /** Whether the app may send pings itself and gets WATCHDOG_USEC=, which without WATCHDOG_PID= is for any process. */
  readonly pings?: boolean;
  /** Whether the app inherits the stream that JOURNAL_STREAM names. A stream that the wrapper relays is another one. */
  readonly journal?: boolean;
}

/** Whether the wrapper was started by its own name: then its Node does not read variables meant for the app's Node. */
export function startedByName(own: NodeJS.ProcessEnv): boolean {
  return own[STARTED_WITH] !== undefined;
}

/**
 * The environment that the wrapper was started with, marked for {@link startedByName}.
 * @param own the environment of its Node
 */
export function startEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { [STARTED_WITH]: encoded = '', ...others } = own;
  const block = Buffer.from(encoded, 'base64').toString();
  // e.g. the output of another program with the name base64
  if (!block.endsWith('\0') || !block.includes('=')) return others;
  const variables = new Map<string, string>();
  for (const entry of block.split('\0')) {
    const at = entry.indexOf('=');
    const name = entry.slice(0, at);
    // the first of two entries with the same name counts (getenv(3))
    if (at >= 0 && !variables.has(name)) variables.set(name, entry.slice(at + 1));
  }
  return Object.fromEntries<string | undefined>([...variables, [STARTED_WITH, '']]);
}

/** @param own the wrapper's environment */
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
