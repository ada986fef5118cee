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
  readonly group: 'Readiness probes' | 'Timing' | 'Life after ready' | 'Signals' | 'Without a unit' | 'Log';
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
    help: 'ready when the app accepts a TCP connection; without HOST 127.0.0.1 and ::1, whichever answers',
    example: '3000',
  },
  {
    name: 'tcp-owner',
    value: 'app|any',
    group: 'Readiness probes',
    help:
      "whose listening socket counts for --tcp, --http and --unix: the app's own, or anybody's, as of a " +
      'container or another host (default: app)',
    example: 'any',
  },
  {
    name: 'listen',
    value: 'any|PORT|PATH',
    repeats: true,
    group: 'Readiness probes',
    help: 'ready when the app has a listening socket: any, on that TCP port, or at that path; no connection is made',
    example: '3000',
  },
  {
    name: 'unix',
    value: 'PATH',
    repeats: true,
    group: 'Readiness probes',
    help: 'ready when the app accepts a connection to this Unix socket',
    example: '/run/app/app.sock',
  },
  {
    name: 'http',
    value: 'URL',
    repeats: true,
    group: 'Readiness probes',
    help: 'ready when GET answers with a status of --http-status; redirects are not followed, proxy variables ignored',
    example: 'http://127.0.0.1:3000/health',
  },
  {
    name: 'http-status',
    value: 'LIST',
    group: 'Readiness probes',
    help: 'statuses that --http takes for ready (default: 200-399)',
    example: '200-299,304',
  },
  {
    name: 'http-header',
    value: "'NAME: VALUE'",
    repeats: true,
    group: 'Readiness probes',
    help: 'a header that --http sends',
    example: 'Host: shop.example',
  },
  {
    name: 'http-insecure',
    group: 'Readiness probes',
    help: 'lets --http take a certificate that nobody vouches for, as a self-signed one',
  },
  {
    name: 'stdout',
    value: 'REGEX',
    repeats: true,
    group: 'Readiness probes',
    help: 'ready when a line of stdout matches (JavaScript syntax, without slashes and flags)',
    example: 'listening on',
  },
  {
    name: 'stderr',
    value: 'REGEX',
    repeats: true,
    group: 'Readiness probes',
    help: 'ready when a line of stderr matches',
    example: 'listening on',
  },
  {
    name: 'output',
    value: 'REGEX',
    repeats: true,
    group: 'Readiness probes',
    help: 'ready when a line of stdout or of stderr matches',
    example: 'listening on',
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
    name: 'notify',
    group: 'Readiness probes',
    help: 'ready when the app itself, or any process of it, sends READY=1 to the $NOTIFY_SOCKET that it sees',
  },
  {
    name: 'fd',
    value: 'N',
    repeats: true,
    group: 'Readiness probes',
    help: 'ready when the app writes a newline to file descriptor N',
    example: '3',
  },
  {
    name: 'file',
    value: 'PATH',
    repeats: true,
    group: 'Readiness probes',
    help: 'ready when the file exists and is newer than the start',
    example: '/run/app/ready',
  },
  {
    name: 'exec',
    value: 'COMMAND',
    repeats: true,
    group: 'Readiness probes',
    help: 'ready when sh -c COMMAND exits 0; one that takes longer than --attempt-timeout is killed',
    example: 'curl -fs http://127.0.0.1:3000/',
  },
  {
    name: 'delay',
    value: 'TIME',
    group: 'Readiness probes',
    help: 'ready when the app still runs after this time: for an app that gives no sign',
    example: '10s',
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
    help:
      'from the start of an attempt to the next (default: 20ms; for --http and --exec 14ms, in the ' +
      'first second 8ms); where it costs next to nothing to see whether there is news, up to ' +
      'three looks in between',
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
    name: 'extend-timeout',
    value: 'TIME',
    group: 'Timing',
    help:
      'asks systemd for this much more time, again and again, while the app is not ready, beyond the ' +
      "unit's TimeoutStartSec= until --timeout",
    example: '30s',
  },
  {
    name: 'stop-timeout',
    value: 'TIME',
    group: 'Timing',
    help: 'from the SIGTERM after a missed start timeout to SIGKILL (default: 10s)',
    example: '5s',
  },
  {
    name: 'watchdog',
    value: 'off|process|probe|app|loop',
    group: 'Life after ready',
    help:
      "who must be well for WATCHDOG=1 to be sent, where the unit sets WatchdogSec=: the app's process " +
      'exists; its readiness probes still answer; it sends WATCHDOG=1 itself; its Node event loop turns ' +
      '(default: process)',
    example: 'loop',
  },
  {
    name: 'reload-timeout',
    value: 'TIME',
    group: 'Life after ready',
    help:
      'under Type=notify-reload: how long until the log and the status say why the app is not ready ' +
      'again (default: none)',
    example: '30s',
  },
  {
    name: 'handoff',
    group: 'Life after ready',
    help: "makes the app the unit's main process once it is ready, and leaves: no memory, no process, in steady state",
  },
  {
    name: 'forward-signals',
    value: 'auto|all|none',
    group: 'Signals',
    help:
      'auto: each signal reaches the app once, whatever the KillMode= of the unit; all: every one is ' +
      'sent on, also one that the app has had with us (default: auto)',
    example: 'all',
  },
  {
    name: 'signal-scope',
    value: 'process|group',
    group: 'Signals',
    help:
      "who gets what is sent on: the app's process, or all of its process group, which is then one of " +
      'its own, in a session of its own (default: process)',
    example: 'group',
  },
  {
    name: 'rewrite-signal',
    value: 'FROM:TO',
    repeats: true,
    group: 'Signals',
    help: 'sends TO to the app where FROM came; 0 sends nothing',
    example: 'TERM:QUIT',
  },
  {
    name: 'print-unit',
    group: 'Without a unit',
    help: 'prints the .service file for this very command line, and runs nothing',
  },
  {
    name: 'unit-name',
    value: 'NAME',
    group: 'Without a unit',
    help:
      'the name of what --print-unit prints (default: that of the working directory); one that ends in ' +
      '@ is a template, in which %i stays what systemd fills in: --tcp %i',
    example: 'shop',
  },
  {
    name: 'user',
    group: 'Without a unit',
    help: "lets --print-unit print a unit of your own manager, systemctl --user (default: the system's)",
  },
  {
    name: 'dry-run',
    group: 'Without a unit',
    help:
      'runs the app outside systemd, and shows as it happens what is asked, what comes of it, and what ' +
      'systemd would be told',
  },
  {
    name: 'exit-when-ready',
    group: 'Without a unit',
    help:
      'with --dry-run: stops the app once it is ready, exit status 0; 124 if it is not within ' +
      '--timeout, or ends with 0 before',
  },
  {
    name: 'completion',
    value: 'bash|zsh',
    group: 'Without a unit',
    help: 'prints what completes these options in that shell: source <(sd-ready-wrap --completion bash)',
    example: 'bash',
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
