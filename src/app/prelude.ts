/**
 * What a process has to do between fork and exec, and Node cannot: its own pid into LISTEN_PID= (sd_listen_fds(3)) and
 * WATCHDOG_PID= (sd_watchdog_enabled(3)), and what Node changed for itself put back. A shell does it and then becomes
 * the app.
 */

import { quotedShellWord } from '../base/shell-word.ts';

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

/** What it is done with where the app gets another name. */
export const NAMING_SHELL = '/bin/bash';

/** Whether the command is started just so. */
export function isNeeded({ listenPid, watchdogPid, ignored, openFiles, descent }: Prelude): boolean {
  return listenPid || watchdogPid || ignored.length > 0 || openFiles !== undefined || descent !== undefined;
}

/** What shells set by themselves, with or without having been asked. */
const SET_BY_SHELLS = ['PWD', 'OLDPWD', 'SHLVL', '_'];

/** What they change or drop where it is there. */
const CHANGED_BY_SHELLS = new Set([
  ...SET_BY_SHELLS,
  ...['IFS', 'LINENO', 'OPTERR', 'OPTIND', 'PPID', 'PS1', 'PS2', 'PS4', 'BASH', 'BASHOPTS', 'BASHPID', 'BASH_VERSINFO'],
  ...['BASH_VERSION', 'EPOCHREALTIME', 'EPOCHSECONDS', 'HISTCMD', 'RANDOM', 'SECONDS', 'SHELLOPTS', 'SRANDOM'],
]);

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
 * @param argv0 what it finds as its own name; undefined for its path
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
  const named = argv0 === undefined ? [] : byName(argv0, env);
  // env would take such a path for a variable
  const environment = named.length === 0 && command.includes('=') ? [] : [envProgram, ...unset, '--', ...set];
  const session = descent ? [descent.setsid] : [];
  return [shell, ['-c', script, 'sh', ...session, ...environment, ...named, command, ...args]];
}

/**
 * Starts what follows by another name. sh and env(1) cannot: `exec -a` is bash's, and env has --argv0 from coreutils
 * 9.5 on. With these options bash reads no file: neither that of BASH_ENV= nor, where stdin is a socket, one of the
 * user's. What it sets is put back: an array is never in the environment, where exec would put SHLVL.
 */
function byName(argv0: string, env: Readonly<Record<string, string>>): readonly string[] {
  const undo = (name: string) => {
    const value = env[name];
    return value === undefined ? `unset ${name}` : `export ${name}=${quotedShellWord(value)}`;
  };
  const level = 'SHLVL' in env ? [] : ['unset SHLVL', 'declare -a SHLVL'];
  const script = [undo('PWD'), undo('OLDPWD'), ...level, 'exec -a "$0" "$@"'].join('; ');
  return [NAMING_SHELL, '--norc', '-p', '-c', script, argv0];
}
