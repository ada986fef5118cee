/** The text of `--print-unit`: the .service for a command line. The facts about the host are its input. */
import type { UnitName } from './name.ts';
import { environmentWord, execPath, execWord, settingPath, settingText } from './quoting.ts';
import { sharedSocket, swapDependencies } from './swap.ts';

/** The first versions of systemd with Type=notify-reload, and with OpenFile= (systemd.service(5)). */
export const RELOAD_SINCE = 253;
const OPEN_FILE_SINCE = 253;

export interface UnitFacts {
  readonly version: string;
  readonly unit: UnitName;
  readonly manager: 'system' | 'user';
  /** The command of the wrapper: its absolute path, perhaps after that of node. */
  readonly wrapper: readonly string[];
  /** The wrapper's options. */
  readonly options: readonly string[];
  /** The app: an absolute path and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** The program in the command that does not forward signals: `npm`. */
  readonly launcher: string | undefined;
  /** Whether the command is a runtime that runs a file itself. */
  readonly runsFile: boolean;
  readonly directory: string;
  /** Names of directories in /run in which a probe expects a file or socket of the app. */
  readonly runtimeDirectories: readonly string[];
  /** The user who runs the app; undefined for root. */
  readonly account: string | undefined;
  /** PATH=, if systemd's own does not lead to our node. */
  readonly path: string | undefined;
  readonly environment: readonly (readonly [name: string, value: string])[];
  /** TimeoutStartSec=, ms; `Infinity` means no limit. */
  readonly startLimit: number;
  /** Whether the wrapper has a --timeout, which ends before that. */
  readonly ownTimeout: boolean;
  /** Whether the unit needs WatchdogSec=. */
  readonly watchdog: boolean;
  /** Whether systemctl reload waits for the app (Type=notify-reload). */
  readonly reloads: boolean;
  /** Whether the app becomes the main process once it is ready. */
  readonly handoff: boolean;
  /** The name of the app whose instances a and b share a socket, `shop`: the unit is their template. */
  readonly swap: string | undefined;
  /** Example instance names of a template. */
  readonly instances: readonly string[];
  /** The version of the local systemd, if there is one. */
  readonly systemd: number | undefined;
  readonly notifySocket: string;
}

/** A path that cannot be written in a unit file. */
export class UnwritablePath extends Error {
  readonly path: string;

  constructor(path: string) {
    super(path);
    this.path = path;
  }
}

/** @throws {UnwritablePath} */
export function unitFile(facts: UnitFacts): string {
  const sections = [heading(facts), unitSection(facts), serviceSection(facts), hardening(facts), installSection(facts)];
  return `${sections.join('\n\n')}\n`;
}

function heading({ version, unit, manager, instances, swap }: UnitFacts): string {
  if (swap !== undefined) {
    return [
      `# The two instances of ${swap}.socket, ${swap}@a and ${swap}@b. One serves; a deploy starts the other, waits`,
      '# until it is ready, and stops the first.',
    ].join('\n');
  }
  const systemctl = manager === 'user' ? 'systemctl --user' : 'systemctl';
  const place = manager === 'user' ? '~/.config/systemd/user' : '/etc/systemd/system';
  const started = unit.template ? instances.map((each) => `${unit.name}${each}`).join(' ') : unit.name;
  return [
    `# Printed by sd-ready-wrap ${version}.`,
    `# Install: save as ${place}/${unit.name}.service, then: ${systemctl} daemon-reload`,
    `#          ${systemctl} enable --now ${started}`,
    ...(manager === 'user' ? ['# To start it at boot instead of at your login: loginctl enable-linger'] : []),
  ].join('\n');
}

function unitSection({ unit, command, manager, swap }: UnitFacts): string {
  const [program, ...args] = command;
  const app = settingText([program.slice(program.lastIndexOf('/') + 1), ...args].join(' '), 60, unit);
  const name = unit.template ? `${unit.name.slice(0, -1)} %i` : unit.name;
  const network = ['# If the app needs the network at its start: systemd.special(7)', ...NETWORK];
  return [
    '[Unit]',
    `Description=${name} (${app})`,
    ...(swap === undefined ? [] : ['', ...swapDependencies(swap)]),
    ...(manager === 'system' ? ['', ...network] : []),
  ].join('\n');
}

const NETWORK = ['Wants=network-online.target', 'After=network-online.target'];

function serviceSection(facts: UnitFacts): string {
  const { unit } = facts;
  const [runner, ...rest] = facts.wrapper as [string, ...string[]];
  const words = [...rest, ...facts.options, '--', ...facts.command];
  const exec = [writable(runner, execPath(runner, unit)), ...words.map((word) => execWord(word, unit))].join(' ');
  const blocks = [
    type(facts),
    [
      facts.handoff
        ? '# Only the main process may notify systemd: sd-ready-wrap, and the app once it is ready'
        : '# Only the main process may send READY=1: sd-ready-wrap',
      'NotifyAccess=main',
    ],
    openFile(facts),
    facts.swap === undefined ? [] : sharedSocket(facts.swap),
    [
      `ExecStart=${exec}`,
      ...(facts.reloads
        ? []
        : ['# If the app reloads its configuration at SIGHUP:', '#ExecReload=/bin/kill -HUP $MAINPID']),
    ],
    ['# The name in the journal, instead of the name of the program', 'SyslogIdentifier=%N'],
    [
      '# The directory of the app, where relative paths start',
      `WorkingDirectory=${writable(facts.directory, settingPath(facts.directory, unit))}`,
    ],
    runtimeDirectory(facts),
    environment(facts),
    account(facts),
    startLimit(facts),
    killMode(facts),
    ['# How long the app may take to finish its open requests before SIGKILL', 'TimeoutStopSec=30s'],
    ...(facts.watchdog
      ? [['# Without WATCHDOG=1 for this long the app counts as unhealthy and is restarted', 'WatchdogSec=30']]
      : []),
    ['# Next and others exit with 143 after a SIGTERM', 'SuccessExitStatus=143'],
    [
      '# Restart after a crash...',
      'Restart=on-failure',
      'RestartSec=1s',
      '# ...but not after a wrong option (125), or if the command cannot be executed (126) or found (127)',
      'RestartPreventExitStatus=125 126 127',
    ],
  ];
  const written = blocks.filter((block) => block.length > 0);
  return `[Service]\n${written.map((block) => block.join('\n')).join('\n\n')}`;
}

function killMode({ launcher, runsFile, handoff, command }: UnitFacts): readonly string[] {
  if (launcher !== undefined) {
    return [
      `# SIGTERM to every process, because ${launcher} does not pass it on: with KillMode=mixed the app would be`,
      `# killed without a SIGTERM. Better: start the app without ${launcher}, with KillMode=mixed. systemd.kill(5)`,
      'KillMode=control-group',
    ];
  }
  if (!runsFile) {
    const name = command[0].slice(command[0].lastIndexOf('/') + 1);
    return [
      `# SIGTERM to every process (the default): ${name} may start the app as a child and not pass SIGTERM on.`,
      '# KillMode=mixed is for a command that is the app itself, such as node FILE: systemd.kill(5)',
      'KillMode=control-group',
    ];
  }
  return [
    handoff
      ? '# SIGTERM only to the main process, which is the app once it is ready: systemd.kill(5)'
      : '# SIGTERM only to sd-ready-wrap, which forwards it to the app: systemd.kill(5)',
    'KillMode=mixed',
  ];
}

function type({ reloads, systemd }: UnitFacts): readonly string[] {
  const waits = '# systemctl start waits for READY=1: systemd.service(5), sd_notify(3)';
  if (!reloads) return [waits, 'Type=notify'];
  return systemd !== undefined && systemd >= RELOAD_SINCE
    ? [`${waits}; systemctl reload does too`, 'Type=notify-reload']
    : [
        waits,
        'Type=notify',
        `# With systemd ${RELOAD_SINCE} or later systemctl reload waits too:`,
        '#Type=notify-reload',
      ];
}

function openFile({ systemd, notifySocket }: UnitFacts): readonly string[] {
  const line = `OpenFile=${notifySocket}:notify`;
  return systemd !== undefined && systemd >= OPEN_FILE_SINCE
    ? ['# systemd opens its notify socket for sd-ready-wrap, which then needs no native addon', line]
    : [`# With systemd ${OPEN_FILE_SINCE} or later; sd-ready-wrap then needs no native addon:`, `#${line}`];
}

/**
 * The app's directories are only a hint: systemd removes a RuntimeDirectory= with the service, and another service
 * may use it.
 */
function runtimeDirectory({ runtimeDirectories: names, manager }: UnitFacts): readonly string[] {
  const paths = names.map((name) => `/run/${name}`).join(' and ');
  const own = ['# For the sockets of sd-ready-wrap; created and removed with the service', `RuntimeDirectory=${OWN}`];
  if (names.length === 0 || manager === 'user') return own;
  return [...own, `# If nothing else creates ${paths}:`, `#RuntimeDirectory=${OWN} ${names.join(' ')}`];
}

const OWN = 'sd-ready-wrap/%N';

function environment({ path, environment: given, unit, manager }: UnitFacts): readonly string[] {
  const name = unit.name.replace(/@$/, '');
  return [
    '# The app gets these variables, not those of your shell: systemd.exec(5)',
    ...(path === undefined ? [] : [`Environment=${environmentWord('PATH', path, unit)}`]),
    ...given.map(([variable, value]) => `Environment=${environmentWord(variable, value, unit)}`),
    ...(given.some(([variable]) => variable === 'NODE_ENV') ? [] : ['#Environment=NODE_ENV=production']),
    manager === 'user' ? `#EnvironmentFile=%h/.config/${name}.env` : `#EnvironmentFile=/etc/default/${name}`,
  ];
}

function account({ account: user, manager }: UnitFacts): readonly string[] {
  if (manager === 'user') return ['# The app runs as your user'];
  if (user !== undefined) return ['# The user that the app runs as', `User=${user}`];
  return [
    '# The app runs as root, because no user is named. Name an existing user, or write DynamicUser=yes, and',
    '# StateDirectory= for its data: systemd.exec(5)',
    '#User=app',
  ];
}

function startLimit({ startLimit: ms, ownTimeout }: UnitFacts): readonly string[] {
  const comment = ownTimeout
    ? '# Longer than --timeout and --stop-timeout of sd-ready-wrap, which logs the reason'
    : '# Start timeout. Be generous: a start that is ready earlier does not wait for it';
  return [comment, `TimeoutStartSec=${Number.isFinite(ms) ? `${Math.ceil(ms / 1000)}s` : 'infinity'}`];
}

/**
 * The active settings break no app that we know of. Those after # restrict more than some apps can bear. For a user
 * manager only settings that need no privilege (systemd.exec(5), "Sandboxing").
 */
function hardening({ unit, manager, directory, instances }: UnitFacts): string {
  const anywhere = ['NoNewPrivileges=yes', 'RestrictRealtime=yes', 'LockPersonality=yes'];
  if (manager === 'user') {
    return ['# Hardening; not if the app calls sudo: systemd.exec(5), "Sandboxing"', ...anywhere].join('\n');
  }
  const inSystem = /^\/(usr|boot|efi|etc)(\/|$)/.test(directory);
  return [
    '# Hardening that suits Node apps: systemd.exec(5), "Sandboxing"',
    '# Remove NoNewPrivileges= if the app calls sudo, or if node has capabilities (setcap)',
    ...anywhere,
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectControlGroups=yes',
    ...(inSystem ? ['# not if the app itself is inside:', '#ProtectSystem=full'] : ['ProtectSystem=full']),
    '',
    '# More, to try one by one. To see their effect: systemd-analyze security ' +
      `${unit.template ? `${unit.name}${instances[0]}` : unit.name}`,
    '# Never MemoryDenyWriteExecute=: Node cannot start with it',
    ...TO_BE_TRIED,
  ].join('\n');
}

const TO_BE_TRIED = [
  ['PrivateTmp=yes', 'a private /tmp; not if other programs use a socket of the app there'],
  ['ProtectHome=yes', 'hides /home and /root; not if the app or its node is there'],
  ['ProtectSystem=strict', 'everything is read-only except ReadWritePaths= and StateDirectory='],
  ['PrivateDevices=yes', 'no devices except /dev/null and similar ones'],
  ['ProtectClock=yes', 'the app cannot set the clock, and uses only devices that are named'],
  ['ProtectKernelTunables=yes', '/proc/sys and /sys are read-only; not for GPIO'],
  ['CapabilityBoundingSet=', 'no privileges of root; for ports below 1024 write CAP_NET_BIND_SERVICE'],
  [
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
    'no other kinds of sockets; AF_NETLINK is for os.networkInterfaces()',
  ],
  ['RestrictNamespaces=yes', 'not if the app starts a browser with a sandbox (Puppeteer)'],
  ['RestrictSUIDSGID=yes', 'the app cannot create setuid and setgid files'],
  ['SystemCallArchitectures=native', 'no system calls of another architecture'],
  ['SystemCallFilter=@system-service', 'with the next line a forbidden call fails instead of killing the app'],
  ['SystemCallErrorNumber=EPERM', ''],
  ['UMask=0077', 'files and sockets of the app are accessible to its user only'],
].flatMap(([line, what]) => (what === '' ? [`#${line}`] : [`# ${what}`, `#${line}`]));

function installSection({ manager }: UnitFacts): string {
  return `[Install]\nWantedBy=${manager === 'user' ? 'default.target' : 'multi-user.target'}`;
}

function writable(path: string, written: string | undefined): string {
  if (written === undefined) throw new UnwritablePath(path);
  return written;
}
