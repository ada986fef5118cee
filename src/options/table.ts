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
      help: 'ready when the app accepts a TCP connection; without HOST 127.0.0.1 and ::1, whichever answers',
      example: '3000',
    },
    'tcp-owner': {
      value: 'app|any',
      help:
        "whose listening socket counts for --tcp, --http and --unix: the app's own, or anybody's, as of a " +
        'container or another host (default: app)',
      example: 'any',
    },
    listen: {
      value: 'any|PORT|PATH',
      repeats: true,
      help: 'ready when the app has a listening socket: any, on that TCP port, or at that path; no connection is made',
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
        'ready when GET answers with a status of --http-status; redirects are not followed, proxy variables ' +
        'ignored',
      example: 'http://127.0.0.1:3000/health',
    },
    'http-status': {
      value: 'LIST',
      help: 'statuses that --http takes for ready (default: 200-399)',
      example: '200-299,304',
    },
    'http-header': {
      value: "'NAME: VALUE'",
      repeats: true,
      help: 'a header that --http sends',
      example: 'Host: shop.example',
    },
    'http-insecure': {
      help: 'lets --http take a certificate that nobody vouches for, as a self-signed one',
    },
    stdout: {
      value: 'REGEX',
      repeats: true,
      help: 'ready when a line of stdout matches (JavaScript syntax, without slashes and flags)',
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
      help: 'ready when a line of stdout or of stderr matches',
      example: 'listening on',
    },
    ipc: {
      help: "ready when the app calls process.send('ready'); for node, nodejs, bun and tsx",
    },
    'ipc-message': {
      value: 'WORD',
      help: 'the word that --ipc waits for (default: ready); implies --ipc',
      example: 'online',
    },
    notify: {
      help: 'ready when the app itself, or any process of it, sends READY=1 to the $NOTIFY_SOCKET that it sees',
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
      help: 'ready when the file exists and is newer than the start',
      example: '/run/app/ready',
    },
    exec: {
      value: 'COMMAND',
      repeats: true,
      help: 'ready when sh -c COMMAND exits 0; one that takes longer than --attempt-timeout is killed',
      example: 'curl -fs http://127.0.0.1:3000/',
    },
    delay: {
      value: 'TIME',
      help: 'ready when the app still runs after this time: for an app that gives no sign',
      example: '10s',
    },
    'ready-when': {
      value: 'all|any',
      help: 'of several probes, all must come true or any (default: all)',
      example: 'any',
    },
  },
  Timing: {
    'initial-delay': {
      value: 'TIME',
      help: 'before the first attempt of a polled probe (default: 0)',
      example: '2s',
    },
    interval: {
      value: 'TIME',
      help:
        'from the start of an attempt to the next (default: 20ms; for --http and --exec 14ms, in the ' +
        'first second 8ms); where it costs next to nothing to see whether there is news, up to ' +
        'three looks in between',
      example: '100ms',
    },
    'attempt-timeout': {
      value: 'TIME',
      help: 'the most that one attempt may take (default: 1s)',
      example: '500ms',
    },
    timeout: {
      value: 'TIME',
      help:
        "start timeout: then the app is stopped, exit status 124 (default: none, the unit's TimeoutStartSec= " +
        'rules)',
      example: '90s',
    },
    'extend-timeout': {
      value: 'TIME',
      help:
        'asks systemd for this much more time, again and again, while the app is not ready, beyond the ' +
        "unit's TimeoutStartSec= until --timeout",
      example: '30s',
    },
    'stop-timeout': {
      value: 'TIME',
      help: 'from the SIGTERM after a missed start timeout to SIGKILL (default: 10s)',
      example: '5s',
    },
  },
  'Life after ready': {
    watchdog: {
      value: 'off|process|probe|app|loop',
      help:
        "who must be well for WATCHDOG=1 to be sent, where the unit sets WatchdogSec=: the app's process " +
        'exists; its readiness probes still answer; it sends WATCHDOG=1 itself; its Node event loop turns ' +
        '(default: process)',
      example: 'loop',
    },
    'reload-timeout': {
      value: 'TIME',
      help:
        'under Type=notify-reload: how long until the log and the status say why the app is not ready ' +
        'again (default: none)',
      example: '30s',
    },
    handoff: {
      help:
        "makes the app the unit's main process once it is ready, and leaves: no memory, no process, in " +
        'steady state',
    },
  },
  'Socket activation': {
    'take-sockets': {
      help:
        'lets the listen(PORT) of an unchanged Node app use the socket that systemd passed for that port, if it is ' +
        'not wider than what the app asks for',
    },
  },
  'The app': {
    argv0: {
      value: 'NAME',
      help: 'what the app finds as its own name, argv[0] (default: the command as it was written)',
      example: 'shop',
    },
  },
  Signals: {
    'forward-signals': {
      value: 'auto|all|none',
      help:
        'auto: each signal reaches the app once, whatever the KillMode= of the unit; all: every one is ' +
        'sent on, also one that the app has had with us (default: auto)',
      example: 'all',
    },
    'signal-scope': {
      value: 'process|group',
      help:
        "who gets what is sent on: the app's process, or all of its process group, which is then one of " +
        'its own, in a session of its own (default: process)',
      example: 'group',
    },
    'rewrite-signal': {
      value: 'FROM:TO',
      repeats: true,
      help: 'sends TO to the app where FROM came; 0 sends nothing',
      example: 'TERM:QUIT',
    },
  },
  'Without a unit': {
    'print-unit': {
      help: 'prints the .service file for this very command line, and runs nothing',
    },
    'print-drop-in': {
      value: 'UNIT|PATH',
      help:
        'prints a drop-in by which an existing unit starts its command through this program, with the probe given ' +
        'here, and runs nothing; reads systemctl cat UNIT, or the file at PATH, which has a slash in it',
      example: 'shop.service',
    },
    'unit-name': {
      value: 'NAME',
      help:
        'the name of what --print-unit prints (default: that of the working directory); one that ends in ' +
        '@ is a template, in which %i stays what systemd fills in: --tcp %i',
      example: 'shop',
    },
    user: {
      help:
        'lets --print-unit and --print-drop-in print for your own manager, systemctl --user (default: ' +
        "the system's)",
    },
    swap: {
      help:
        'lets --print-unit print the three units of a deploy that refuses no connection: a socket, its holder, ' +
        'and a template for the instances a and b',
    },
    'dry-run': {
      help:
        'runs the app outside systemd, and shows as it happens what is asked, what comes of it, and what ' +
        'systemd would be told',
    },
    'exit-when-ready': {
      help:
        'with --dry-run: stops the app once it is ready, exit status 0; 124 if it is not within ' +
        '--timeout, or ends with 0 before',
    },
    completion: {
      value: 'bash|zsh|fish',
      help: 'prints what completes these options in that shell: source <(sd-ready-wrap --completion bash)',
      example: 'bash',
    },
  },
  Log: {
    'log-level': {
      value: 'debug|info|warn|error',
      help: 'the least that the wrapper logs (default: info)',
      example: 'warn',
    },
    'log-format': {
      value: 'auto|journal|json|pretty',
      help: 'auto: <N> prefixes in the journal, pretty on a terminal, JSON otherwise (default: auto)',
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
