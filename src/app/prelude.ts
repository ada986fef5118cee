/**
 * What a process has to do between fork and exec, and Node cannot: its own pid into LISTEN_PID= (sd_listen_fds(3)) and
 * WATCHDOG_PID= (sd_watchdog_enabled(3)), and what Node changed for itself put back. A shell does it and then becomes
 * the app.
 */

/** What it has to do beside that where its parent is a process between us (process/parent.ts). */
export interface Descent {
  /** The path of setsid(1): a service of systemd's has a session of its own. */
  readonly setsid: string;
  /** The descriptor where it finds its stderr, if that is not 2. */
  readonly stderrAt: number | undefined;
  /** Its soft limit for cores, in the blocks of ulimit, if that was changed for its parent. */
  readonly cores: string | undefined;
}

export interface Prelude {
  /** LISTEN_PID= is to be the app's pid. */
  readonly listenPid: boolean;
  /** And WATCHDOG_PID=. Not there is right too: it is for anybody then. */
  readonly watchdogPid: boolean;
  /** To be ignored by the app, unless it decides otherwise: by number. */
  readonly ignored: readonly number[];
  /** The soft limit of open files, setrlimit(2), where it is not ours. */
  readonly openFiles: number | undefined;
  readonly descent?: Descent | undefined;
}

/** What it is done with. */
export const PRELUDE_PROGRAMS = ['/bin/sh', '/usr/bin/env'] as const;

/** Whether the command is started just so. */
export function isNeeded({ listenPid, watchdogPid, ignored, openFiles, descent }: Prelude): boolean {
  return listenPid || watchdogPid || ignored.length > 0 || openFiles !== undefined || descent !== undefined;
}

/** What shells set by themselves, with or without having been asked. */
const SET_BY_SHELLS = ['PWD', 'OLDPWD', 'SHLVL', '_'];

/**
 * Run as the child of an unshare(1) of util-linux 2.36 or 2.37, which leaves SIGINT and SIGTERM ignored
 * (https://github.com/util-linux/util-linux/pull/1560): a shell cannot undo that.
 */
const UNDO_IGNORED = `case $(while read -r k v; do [ "$k" = SigIgn: ] && echo "$v"; done </proc/$$/status) in
*4002) set -- /usr/bin/env --default-signal=INT,TERM "$@";; esac 2>/dev/null`;

const IDENTIFIER = /^[a-z_]\w*$/i;

/**
 * The command line that does it and ends as the command itself, in the same process, with exactly that environment:
 * env(1) takes away what the shell added and adds what it dropped, as dash does with names that are no identifiers.
 * @param command a path: a bare name could be a word of the shell's or of env's
 */
export function withPrelude(
  { listenPid, watchdogPid, ignored, openFiles, descent }: Prelude,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): readonly [string, readonly string[]] {
  const { stderrAt, cores } = descent ?? {};
  const script = [
    ...(stderrAt === undefined ? [] : [`exec 2>&${stderrAt} ${stderrAt}>&-`]),
    ...(cores === undefined ? [] : [`ulimit -S -c ${cores} 2>/dev/null`]),
    ...(descent === undefined ? [] : [UNDO_IGNORED]),
    ...(openFiles === undefined ? [] : [`ulimit -S -n ${openFiles}`]),
    ...(ignored.length > 0 ? [`trap '' ${ignored.join(' ')}`] : []),
    ...(listenPid ? ['export LISTEN_PID=$$'] : []),
    ...(watchdogPid ? ['export WATCHDOG_PID=$$'] : []),
    'exec "$@"',
  ].join('; ');
  const unset = SET_BY_SHELLS.filter((name) => !(name in env)).flatMap((name) => ['-u', name]);
  const set = Object.entries(env)
    .filter(([name]) => SET_BY_SHELLS.includes(name) || !IDENTIFIER.test(name))
    .map(([name, value]) => `${name}=${value}`);
  const [shell, envProgram] = PRELUDE_PROGRAMS;
  // env would take such a path for a variable
  const environment = command.includes('=') ? [] : [envProgram, ...unset, '--', ...set];
  const session = descent ? [descent.setsid] : [];
  return [shell, ['-c', script, 'sh', ...session, ...environment, command, ...args]];
}
