/**
 * Work between fork and exec that Node cannot do: set LISTEN_PID= (sd_listen_fds(3)) and WATCHDOG_PID=
 * (sd_watchdog_enabled(3)) to the app's pid, and undo what Node changed for itself. A shell does it and then execs the
 * app.
 */

import { quotedShellWord } from '../base/shell-word.ts';

/** Further work if there is a parent in between (handoff-parent.ts). */
export interface Descent {
  /** The path of setsid(1): a systemd service has a session of its own. */
  readonly setsid: string;
  /** The descriptor that holds the app's stderr, if it is not 2. */
  readonly stderrAt: number | undefined;
  /** The app's soft limit for cores, in blocks of ulimit, if the parent has another one. */
  readonly cores: string | undefined;
}

export interface Prelude {
  /** Set LISTEN_PID= to the app's pid. */
  readonly listenPid: boolean;
  /** Set WATCHDOG_PID= to the app's pid. Without the variable, WATCHDOG_USEC= is for any process. */
  readonly watchdogPid: boolean;
  /** Numbers of the signals that the app is started to ignore. */
  readonly ignored: readonly number[];
  /** The soft limit of open files, setrlimit(2), if it differs from the wrapper's. */
  readonly openFiles: number | undefined;
  readonly descent?: Descent | undefined;
}

/** The programs that the prelude needs. */
export const PRELUDE_PROGRAMS = ['/bin/sh', '/usr/bin/env'] as const;

/** Needed as well for `--argv0`. */
export const NAMING_SHELL = '/bin/bash';

export function isNeeded({ listenPid, watchdogPid, ignored, openFiles, descent }: Prelude): boolean {
  return listenPid || watchdogPid || ignored.length > 0 || openFiles !== undefined || descent !== undefined;
}

/** Variables that shells set even if they were unset. */
const SET_BY_SHELLS = ['PWD', 'OLDPWD', 'SHLVL', '_'];

/** Variables that shells change or drop. */
const CHANGED_BY_SHELLS = new Set([
  ...SET_BY_SHELLS,
  ...['IFS', 'LINENO', 'OPTERR', 'OPTIND', 'PPID', 'PS1', 'PS2', 'PS4', 'BASH', 'BASHOPTS', 'BASHPID', 'BASH_VERSINFO'],
  ...['BASH_VERSION', 'EPOCHREALTIME', 'EPOCHSECONDS', 'HISTCMD', 'RANDOM', 'SECONDS', 'SHELLOPTS', 'SRANDOM'],
]);

/**
 * unshare(1) of util-linux 2.36 and 2.37 leaves SIGINT and SIGTERM ignored in its child
 * (https://github.com/util-linux/util-linux/pull/1560). A shell cannot undo that, but env(1) can.
 */
const UNDO_IGNORED = `case $(while read -r k v; do [ "$k" = SigIgn: ] && echo "$v"; done </proc/$$/status) in
*4002) set -- /usr/bin/env --default-signal=INT,TERM "$@";; esac 2>/dev/null`;

const IDENTIFIER = /^[a-z_]\w*$/i;

/**
 * The command line that runs the prelude and then execs the command in the same process, with exactly `env`: env(1)
 * removes what the shell added and restores what it dropped (dash drops names that are not identifiers).
 * @param command a path: the shell or env could interpret a bare name
 * @param argv0 argv[0] of the command; undefined for its path
 */
export function withPrelude(
  { listenPid, watchdogPid, ignored, openFiles, descent }: Prelude,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  argv0?: string,
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
    .filter(([name]) => CHANGED_BY_SHELLS.has(name) || !IDENTIFIER.test(name))
    .map(([name, value]) => `${name}=${value}`);
  const [shell, envProgram] = PRELUDE_PROGRAMS;
  const named = argv0 === undefined ? [] : withName(argv0, env);
  // env would take a path with `=` for a variable
  const environment = named.length === 0 && command.includes('=') ? [] : [envProgram, ...unset, '--', ...set];
  const session = descent ? [descent.setsid] : [];
  return [shell, ['-c', script, 'sh', ...session, ...environment, ...named, command, ...args]];
}

/**
 * Runs the rest of the command line with another argv[0]. sh cannot, and env(1) has --argv0 only from coreutils 9.5 on;
 * bash has `exec -a`. With these options bash reads no file, neither BASH_ENV= nor, if stdin is a socket, ~/.bashrc.
 * Variables that bash sets are restored: exec would export SHLVL, but never exports an array.
 */
function withName(argv0: string, env: Readonly<Record<string, string>>): readonly string[] {
  const undo = (name: string) => {
    const value = env[name];
    return value === undefined ? `unset ${name}` : `export ${name}=${quotedShellWord(value)}`;
  };
  const level = 'SHLVL' in env ? [] : ['unset SHLVL', 'declare -a SHLVL'];
  const script = [undo('PWD'), undo('OLDPWD'), ...level, 'exec -a "$0" "$@"'].join('; ');
  return [NAMING_SHELL, '--norc', '-p', '-c', script, argv0];
}
