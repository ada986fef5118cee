/** Every option as data. The parser, `--help`, the environment variables and the checks all use this table. */

interface OptionRow {
  /** The placeholder of its value in `--help`. A switch has none. */
  readonly value?: string;
  /** May be given several times. If not, the last one wins. */
  readonly repeats?: true;
  /** One sentence for `--help`. */
  readonly help: string;
  /** A valid value, for the error about an invalid one. */
  readonly example?: string;
}

/** By the headings of `--help`, in their order. */
const GROUPS = {
  'Readiness probes': {
    tcp: {
      value: '[HOST:]PORT',
      repeats: true,
      help: 'ready when the app accepts a TCP connection; without HOST on 127.0.0.1 or ::1',
      example: '3000',
    },
    'tcp-owner': {
      value: 'app|any',
      help:
        'app: for --tcp, --http and --unix only a socket of the app counts; any: also a socket of a container or ' +
        'another host (default: app)',
      example: 'any',
    },
    listen: {
      value: 'any|PORT|PATH',
      repeats: true,
      help: 'ready when the app has a listening socket: any, on this TCP port, or at this path; makes no connection',
      example: '3000',
    },
    unix: {
      value: 'PATH',
      repeats: true,
      help: 'ready when the app accepts a connection to this Unix socket',
      example: '/run/app/app.sock',
    },
    http: {
      value: 'URL',
      repeats: true,
      help:
        'ready when a GET request returns a status of --http-status; does not follow redirects, ignores proxy ' +
        'variables',
      example: 'http://127.0.0.1:3000/health',
    },
    'http-status': {
      value: 'LIST',
      help: 'statuses that mean ready (default: 200-399)',
      example: '200-299,304',
    },
    'http-header': {
      value: "'NAME: VALUE'",
      repeats: true,
      help: 'request header for --http',
      example: 'Host: shop.example',
    },
    'http-insecure': {
      help: 'accept self-signed and other untrusted certificates for --http',
    },
    stdout: {
      value: 'REGEX',
      repeats: true,
      help: 'ready when a line of stdout matches (JavaScript regex, without slashes and flags)',
      example: 'listening on',
    },
    stderr: {
      value: 'REGEX',
      repeats: true,
      help: 'ready when a line of stderr matches',
      example: 'listening on',
    },
    output: {
      value: 'REGEX',
      repeats: true,
      help: 'ready when a line of stdout or stderr matches',
      example: 'listening on',
    },
    ipc: {
      help: "ready when the app calls process.send('ready'); for node, nodejs, bun and tsx",
    },
    'ipc-message': {
      value: 'WORD',
      help: 'message that --ipc waits for (default: ready); implies --ipc',
      example: 'online',
    },
    notify: {
      help: 'ready when the app, or a process that it started, sends READY=1 to its $NOTIFY_SOCKET',
    },
    fd: {
      value: 'N',
      repeats: true,
      help: 'ready when the app writes a newline to file descriptor N',
      example: '3',
    },
    file: {
      value: 'PATH',
      repeats: true,
      help: 'ready when this file exists and is newer than the start',
      example: '/run/app/ready',
    },
    exec: {
      value: 'COMMAND',
      repeats: true,
      help: 'ready when sh -c COMMAND exits with 0; killed after --attempt-timeout',
      example: 'curl -fs http://127.0.0.1:3000/',
    },
    delay: {
      value: 'TIME',
      help: 'ready when the app still runs after this time; the last resort for an app without a readiness signal',
      example: '10s',
    },
    'ready-when': {
      value: 'all|any',
      help: 'with several probes: ready when all or any of them succeed (default: all)',
      example: 'any',
    },
  },
  Timing: {
    'initial-delay': {
      value: 'TIME',
      help: 'time before the first attempt of a polled probe (default: 0)',
      example: '2s',
    },
    interval: {
      value: 'TIME',
      help:
        'time from the start of an attempt to the next (default: 20ms; --http and --exec: 8ms in the first ' +
        'second, then 14ms); between two attempts, up to three checks that need no connection',
      example: '100ms',
    },
    'attempt-timeout': {
      value: 'TIME',
      help: 'time limit of one attempt (default: 1s)',
      example: '500ms',
    },
    timeout: {
      value: 'TIME',
      help:
        "start timeout: stop the app if it is not ready by then, exit status 124 (default: none, only the unit's " +
        'TimeoutStartSec=)',
      example: '90s',
    },
    'extend-timeout': {
      value: 'TIME',
      help:
        "while the app is starting, extend the unit's TimeoutStartSec= by this time again and again, until " +
        '--timeout',
      example: '30s',
    },
    'stop-timeout': {
      value: 'TIME',
      help: 'after a missed start timeout: time from SIGTERM to SIGKILL (default: 10s)',
      example: '5s',
    },
  },
  'Life after ready': {
    watchdog: {
      value: 'off|process|probe|app|loop',
      help:
        "what must hold for WATCHDOG=1 to be sent if the unit sets WatchdogSec=. process: the app's process " +
        'exists; probe: its readiness probes still succeed; app: it sends WATCHDOG=1 itself; loop: its Node event ' +
        'loop is not blocked (default: process)',
      example: 'loop',
    },
    'reload-timeout': {
      value: 'TIME',
      help:
        'under Type=notify-reload: time until log and status report that the app is not ready again (default: ' +
        'none)',
      example: '30s',
    },
    handoff: {
      help:
        "make the app the unit's main process once it is ready, and exit: no memory and no process of the wrapper " +
        'remain',
    },
  },
  'Socket activation': {
    'take-sockets': {
      help:
        'let listen(PORT) of an unchanged Node app use the socket that systemd passed for that port, unless ' +
        'that socket accepts on more addresses than the app asked for',
    },
  },
  'The app': {
    argv0: {
      value: 'NAME',
      help: "the app's own name, argv[0] (default: the command as written)",
      example: 'shop',
    },
  },
  Signals: {
    'forward-signals': {
      value: 'auto|all|none',
      help:
        'auto: each signal reaches the app once, whatever KillMode= is; all: forward every signal, even if it ' +
        'already reached the app; none: forward none (default: auto)',
      example: 'all',
    },
    'signal-scope': {
      value: 'process|group',
      help:
        "where forwarded signals go: to the app's process, or to its process group, which then has a session of " +
        'its own (default: process)',
      example: 'group',
    },
    'rewrite-signal': {
      value: 'FROM:TO',
      repeats: true,
      help: 'send TO to the app instead of FROM; 0 sends nothing',
      example: 'TERM:QUIT',
    },
  },
  'Unit files and dry run': {
    'print-unit': {
      help: 'print the .service file for this command line; runs nothing',
    },
    'print-drop-in': {
      value: 'UNIT|PATH',
      help:
        'print a drop-in that starts the command of an existing unit through sd-ready-wrap, with these probes; ' +
        'runs nothing. Reads systemctl cat UNIT, or the file at PATH (with a slash)',
      example: 'shop.service',
    },
    'unit-name': {
      value: 'NAME',
      help:
        'name of the unit for --print-unit (default: name of the working directory); a name ending in @ makes a ' +
        'template, where systemd replaces %i: --tcp %i',
      example: 'shop',
    },
    user: {
      help:
        'with --print-unit and --print-drop-in: for your user manager, systemctl --user (default: the system ' +
        'manager)',
    },
    swap: {
      help:
        'with --print-unit: print the three units for deploys that refuse no connection: a socket, its holder, ' +
        'and a template for instances a and b',
    },
    'dry-run': {
      help: 'run the app outside systemd; show what each probe finds, and what systemd would receive',
    },
    'exit-when-ready': {
      help:
        'with --dry-run: stop the app once it is ready, exit status 0; 124 if it is not ready within --timeout, ' +
        'or exits with 0 before',
    },
    completion: {
      value: 'bash|zsh|fish',
      help: 'print the completion script for a shell: source <(sd-ready-wrap --completion bash)',
      example: 'bash',
    },
  },
  Log: {
    'log-level': {
      value: 'debug|info|warn|error',
      help: 'lowest level that the wrapper logs (default: info)',
      example: 'warn',
    },
    'log-format': {
      value: 'auto|journal|json|pretty',
      help: 'auto: <N> prefixes in the journal, pretty on a terminal, otherwise JSON (default: auto)',
      example: 'json',
    },
  },
} as const satisfies Record<string, Record<string, OptionRow>>;

type Groups = typeof GROUPS;

/** Without the dashes: `tcp`. */
export type OptionName = { [Group in keyof Groups]: keyof Groups[Group] }[keyof Groups];

export interface Option extends OptionRow {
  readonly name: OptionName;
  readonly group: keyof Groups;
}

export const OPTION_TABLE: readonly Option[] = Object.entries(GROUPS).flatMap(([group, rows]) =>
  Object.entries(rows).map(([name, row]) => ({ name, group, ...row }) as Option),
);
