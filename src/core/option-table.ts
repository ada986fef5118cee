/**
 * Every option of the command line, as data: the parser, `--help`, the environment variables and the checks all read
 * this one table.
 */

export interface OptionRow {
  /** Without the dashes: `tcp`. */
  readonly name: string;
  /** The placeholder of its value, as `--help` shows it. A switch has none. */
  readonly value?: string;
  /** May be given several times; all are kept. Of the others the last one wins. */
  readonly repeats?: true;
  /** The heading of `--help` under which it stands. */
  readonly group: 'Readiness probes' | 'Timing' | 'Log';
  /** One sentence for `--help`. */
  readonly help: string;
  /** A right value, shown when a wrong one was given. */
  readonly example?: string;
}

const rows = [
  {
    name: 'tcp',
    value: '[HOST:]PORT',
    repeats: true,
    group: 'Readiness probes',
    help: 'ready when a TCP connection is accepted; without HOST 127.0.0.1 and ::1, whichever answers',
    example: '3000',
  },
  {
    name: 'stdout',
    value: 'REGEX',
    repeats: true,
    group: 'Readiness probes',
    help: 'ready when a line of stdout matches (JavaScript syntax)',
    example: "'listening on'",
  },
  {
    name: 'stderr',
    value: 'REGEX',
    repeats: true,
    group: 'Readiness probes',
    help: 'ready when a line of stderr matches',
    example: "'listening on'",
  },
  {
    name: 'output',
    value: 'REGEX',
    repeats: true,
    group: 'Readiness probes',
    help: 'ready when a line of stdout or of stderr matches',
    example: "'listening on'",
  },
  {
    name: 'ipc',
    group: 'Readiness probes',
    help: "ready when the app calls process.send('ready'); for node, nodejs, bun and tsx",
  },
  {
    name: 'ipc-message',
    value: 'WORD',
    group: 'Readiness probes',
    help: 'the word that --ipc waits for (default: ready); implies --ipc',
    example: 'online',
  },
  {
    name: 'ready-when',
    value: 'all|any',
    group: 'Readiness probes',
    help: 'of several probes, all must come true or any (default: all)',
    example: 'any',
  },
  {
    name: 'initial-delay',
    value: 'TIME',
    group: 'Timing',
    help: 'before the first attempt of a polled probe (default: 0)',
    example: '2s',
  },
  {
    name: 'interval',
    value: 'TIME',
    group: 'Timing',
    help: 'between two attempts (default: 20ms)',
    example: '100ms',
  },
  {
    name: 'attempt-timeout',
    value: 'TIME',
    group: 'Timing',
    help: 'the most that one attempt may take (default: 1s)',
    example: '500ms',
  },
  {
    name: 'timeout',
    value: 'TIME',
    group: 'Timing',
    help: "start timeout: then the app is stopped, exit status 124 (default: none, the unit's TimeoutStartSec= rules)",
    example: '90s',
  },
  {
    name: 'stop-timeout',
    value: 'TIME',
    group: 'Timing',
    help: 'from the SIGTERM after a missed start timeout to SIGKILL (default: 10s)',
    example: '5s',
  },
  {
    name: 'log-level',
    value: 'debug|info|warn|error',
    group: 'Log',
    help: 'the least that the wrapper logs (default: info)',
    example: 'warn',
  },
  {
    name: 'log-format',
    value: 'auto|journal|json|pretty',
    group: 'Log',
    help: 'auto: <N> prefixes in the journal, pretty on a terminal, JSON otherwise (default: auto)',
    example: 'json',
  },
] as const satisfies readonly OptionRow[];

export type OptionName = (typeof rows)[number]['name'];

export const OPTION_TABLE: readonly (OptionRow & { readonly name: OptionName })[] = rows;
