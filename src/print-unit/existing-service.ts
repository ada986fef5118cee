/** Reads from the files of an existing service what matters for a wrapper before its command. */
import { parseBoolean } from '../base/boolean.ts';
import { parseTimeSpan } from '../base/time-span.ts';
import { serviceType } from '../unit/settings.ts';
import { assignmentsIn } from '../unit/syntax.ts';
import { type ExecCommand, execCommands, unquoted } from './exec-line.ts';

/** Sorted by name it is the last drop-in: a later one could replace its ExecStart= (systemd.unit(5)). */
export const DROP_IN = 'zz-sd-ready-wrap.conf';

export interface UnitText {
  /** Undefined if unknown. */
  readonly path: string | undefined;
  readonly text: string;
}

export interface ExistingService {
  readonly type: string;
  readonly command: ExecCommand;
  /** With the prefix `@`: the program's argv[0], as written. */
  readonly argv0: string | undefined;
  /** The arguments, as written. */
  readonly args: readonly string[];
  /** Whether systemd's watchdog is on. */
  readonly isWatched: boolean;
  /** Whether the app may notify systemd itself. */
  readonly mayNotify: boolean;
  /** Whether it names socket units. One of its own name needs no Sockets= (systemd.socket(5)). */
  readonly namesSockets: boolean;
  /** Whether the unit sets PATH=, which may not lead to Node. */
  readonly setsPath: boolean;
  /** The setting that hides a path from its processes; undefined if it is visible. */
  readonly hides: (path: string) => string | undefined;
  /** Whether a user other than root runs the command. */
  readonly hasUser: boolean;
  /** The IPAddressDeny= that blocks connections to its own app, if any. */
  readonly dropsPackets: string | undefined;
  /** Changes by Type=notify, one per line. */
  readonly notes: readonly string[];
}

/** Why a unit cannot be started through the wrapper. */
export interface Obstacle {
  /** The setting, as written. */
  readonly setting: string;
  readonly problem: string;
  readonly hint: string;
}

/** The hint for a unit that gains nothing from the wrapper. */
const LEAVE = 'leave this unit as it is';

/** The values of Type= that do not go with the wrapper (systemd.service(5)). */
const TYPES: Readonly<Record<string, Omit<Obstacle, 'setting'>>> = {
  forking: {
    problem: 'the program daemonizes (goes into the background), where sd-ready-wrap cannot follow it',
    hint: 'keep it in the foreground by an option of the program, with Type=exec and without PIDFile=',
  },
  oneshot: { problem: 'the start is complete when the command exits, so there is nothing to wait for', hint: LEAVE },
  dbus: { problem: 'the start is complete when its D-Bus name appears, which systemd itself detects', hint: LEAVE },
  idle: {
    problem: 'the command waits until other jobs are done, which Type=notify does not do',
    hint: 'write Type=exec if that is not needed',
  },
};

/** @returns the service, or why it cannot be started through the wrapper */
export function existingService(texts: readonly UnitText[]): ExistingService | Obstacle {
  const counted = texts.filter(({ path }) => !path?.endsWith(`/${DROP_IN}`));
  const settings = new Settings(counted.map(({ text }) => text));
  const start = laterDropIn(counted) ?? typeObstacle(settings) ?? onlyCommand(settings);
  if ('problem' in start) return start;
  const { prefixes, words } = start;
  const isNamed = prefixes.includes('@');
  const argv0 = isNamed ? words[0] : undefined;
  const type = settings.type();
  const pings = parseTimeSpan(settings.last('WatchdogSec') ?? '');
  return (
    commandObstacle(start, argv0) ??
    settingObstacle(settings, start) ?? {
      ...{ type, command: start, argv0, args: isNamed ? words.slice(1) : words },
      isWatched: pings !== undefined && pings > 0 && Number.isFinite(pings),
      mayNotify: type.startsWith('notify') || (settings.last('NotifyAccess') ?? 'none') !== 'none',
      namesSockets: settings.list('Sockets').length > 0,
      setsPath: settings.setsPath() || settings.last('ExecSearchPath') !== undefined,
      hides: (path) => settings.hides(path),
      hasUser: settings.hasUser() && !/[+!]/.test(prefixes),
      dropsPackets: settings.dropsPackets(),
      notes: [...(type.startsWith('notify') ? [] : timingNotes(settings)), ...nodeNotes(settings)],
    }
  );
}

function typeObstacle(settings: Settings): Obstacle | undefined {
  const found = TYPES[settings.type()];
  if (!found) return undefined;
  const isWritten = settings.writtenType() !== undefined;
  const setting = isWritten ? `Type=${settings.type()}` : `BusName=${settings.last('BusName')}`;
  return obstacle(setting, found.problem, found.hint);
}

function onlyCommand(settings: Settings): ExecCommand | Obstacle {
  const lines = settings.list('ExecStart');
  const commands: ExecCommand[] = [];
  for (const line of lines) {
    const found = execCommands(line);
    if (!found)
      return obstacle(`ExecStart=${line}`, 'systemd cannot parse this line', 'check it with systemd-analyze verify');
    commands.push(...found);
  }
  const [command, ...others] = commands;
  if (!command) return obstacle('ExecStart=', 'the unit has none, so there is no program to start', LEAVE);
  if (others.length === 0) return command;
  return obstacle(
    `ExecStart=${lines.at(-1)}`,
    `the unit has ${commands.length} commands; only one can be wrapped`,
    LEAVE,
  );
}

export function isObstacle(found: ExistingService | Obstacle): found is Obstacle {
  return 'problem' in found;
}

/** The settings of [Service] in several texts. The last text wins. */
class Settings {
  readonly #texts: readonly string[];

  constructor(texts: readonly string[]) {
    this.#texts = texts;
  }

  #all(name: string): readonly string[] {
    return this.#texts
      .flatMap(assignmentsIn)
      .flatMap((each) => (each.section === 'Service' && each.name === name ? [each.value] : []));
  }

  /** Undefined if it is not set, or empty. */
  last(name: string): string | undefined {
    return this.#all(name).at(-1) || undefined;
  }

  isOn(name: string): boolean {
    const value = this.last(name);
    return value !== undefined && parseBoolean(value) === true;
  }

  /** An empty assignment removes the earlier ones. */
  list(name: string): readonly string[] {
    const all = this.#all(name);
    return all.slice(all.lastIndexOf('') + 1);
  }

  /** Undefined if the texts have no type that systemd knows. */
  writtenType(): string | undefined {
    return serviceType(this.#all('Type').map((value) => `Type=${value}`));
  }

  /** The default depends on BusName= ("Type=" in systemd.service(5)). */
  type(): string {
    return this.writtenType() ?? (this.last('BusName') === undefined ? 'simple' : 'dbus');
  }

  hasUser(): boolean {
    const user = this.last('User');
    return this.isOn('DynamicUser') || (user !== undefined && !['root', '0'].includes(user));
  }

  /** "Sandboxing" and "Paths" in systemd.exec(5). A bind mount into a hidden directory is visible. */
  hides(path: string): string | undefined {
    const isIn = (place: string) => `${path}/`.startsWith(`${place.replace(/\/$/, '')}/`);
    const places = (name: string) => this.list(name).flatMap((value) => value.split(/\s+/).filter(Boolean));
    const bound = ['BindPaths', 'BindReadOnlyPaths'].flatMap(places);
    if (bound.some((each) => isIn(each.replace(/^-/, '').split(':')[1] ?? each.replace(/^-/, '')))) return undefined;
    const home = this.last('ProtectHome');
    const isHomeHidden = home === 'tmpfs' || this.isOn('ProtectHome');
    if (isHomeHidden && ['/home', '/root', '/run/user'].some(isIn)) return `ProtectHome=${home}`;
    for (const name of ['InaccessiblePaths', 'TemporaryFileSystem']) {
      const place = places(name).find((each) => isIn(each.replace(/^[-+]+/, '').split(':')[0] as string));
      if (place !== undefined) return `${name}=${place}`;
    }
    return undefined;
  }

  /** IPAddressAllow= wins over IPAddressDeny= (systemd.resource-control(5)). */
  dropsPackets(): string | undefined {
    const names = (name: string) => this.list(name).flatMap((value) => value.split(/\s+/));
    const isLoopback = (word: string) => /^(any|localhost|127\.|::1|0\.0\.0\.0\/0|::\/0)/.test(word);
    const denied = names('IPAddressDeny').find(isLoopback);
    return denied === undefined || names('IPAddressAllow').some(isLoopback) ? undefined : `IPAddressDeny=${denied}`;
  }

  setsPath(): boolean {
    const isPath = (value: string) => /(^|[\s'"])PATH(=|$|\s)/.test(value);
    return ['Environment', 'UnsetEnvironment', 'PassEnvironment'].some((name) => this.list(name).some(isPath));
  }
}

function obstacle(setting: string, problem: string, hint: string): Obstacle {
  return { setting, problem, hint };
}

/** A drop-in that sorts after ours and would override it. */
function laterDropIn(texts: readonly UnitText[]): Obstacle | undefined {
  for (const { path, text } of texts) {
    const name = path?.slice(path.lastIndexOf('/') + 1) ?? '';
    const found = assignmentsIn(text).find(
      (each) => each.section === 'Service' && ['ExecStart', 'Type', 'NotifyAccess'].includes(each.name),
    );
    if (!path?.includes('.d/') || name <= DROP_IN || !found) continue;
    return obstacle(
      `${found.name}=${found.value}`,
      `${name} sets this, and systemd reads it after ${DROP_IN}`,
      `rename ${path}`,
    );
  }
  return undefined;
}

function commandObstacle({ prefixes, path, words }: ExecCommand, argv0: string | undefined) {
  const setting = `ExecStart=${[prefixes + path, ...words].join(' ')}`;
  if (prefixes.includes('|')) {
    return obstacle(setting, 'the prefix | starts a shell', "write /bin/sh -c 'exec ...' instead of |");
  }
  const name = argv0 === undefined ? '' : unquoted(argv0);
  if (prefixes.includes('@') && (name === '' || name.startsWith('--'))) {
    return obstacle(setting, 'after a path with @ the next word must be a name for the program', 'remove the @');
  }
  if ([path, ...words.slice(0, 3).map(unquoted)].some((word) => /^(.*\/)?sd-ready-wrap(\.cjs)?$/.test(word))) {
    return obstacle(setting, 'the unit already starts sd-ready-wrap', 'change its options there');
  }
  return undefined;
}

/** A setting with which Node cannot run, or the wrapper cannot work. */
function settingObstacle(settings: Settings, { path }: ExecCommand): Obstacle | undefined {
  const written = (name: string) => `${name}=${settings.last(name)}`;
  for (const name of ['RootDirectory', 'RootImage']) {
    if (settings.last(name) === undefined || settings.last(name) === '/') continue;
    return obstacle(
      written(name),
      'sd-ready-wrap is not inside of it',
      'install it there, and write ExecStart= by hand',
    );
  }
  if (settings.isOn('MemoryDenyWriteExecute')) {
    return obstacle(written('MemoryDenyWriteExecute'), 'Node, and so sd-ready-wrap, cannot run with it', 'remove it');
  }
  if (sizeOf(settings.last('LimitAS')) < ADDRESS_SPACE) {
    return obstacle(written('LimitAS'), 'Node needs at least 1G of address space to start', 'use MemoryMax= instead');
  }
  if (!isUnixAllowed(settings.list('RestrictAddressFamilies'))) {
    return obstacle(
      `RestrictAddressFamilies=${settings.list('RestrictAddressFamilies').at(-1)}`,
      'systemd cannot be notified without AF_UNIX',
      'add AF_UNIX',
    );
  }
  if (settings.last('StandardInput') === 'socket') {
    return obstacle(
      written('StandardInput'),
      'the program serves a single connection, so there is nothing to wait for',
      LEAVE,
    );
  }
  if (settings.isOn('RemainAfterExit')) {
    return obstacle(written('RemainAfterExit'), 'the program may exit, so there is nothing to wait for', LEAVE);
  }
  const stored = settings.last('FileDescriptorStoreMax');
  if (stored !== undefined && stored !== '0') {
    return obstacle(written('FileDescriptorStoreMax'), 'sd-ready-wrap does not relay descriptors to systemd', LEAVE);
  }
  if (!path.includes('/') && settings.setsPath()) {
    return obstacle(
      `ExecStart=${path}`,
      'the unit sets PATH, with which sd-ready-wrap may find another program than systemd does',
      'write its absolute path',
    );
  }
  return undefined;
}

/** Bytes. With 512M V8 exits without a message; with 1G it starts. */
const ADDRESS_SPACE = 1024 ** 3;

/** The soft limit of LimitAS= (systemd.exec(5)), bytes; `Infinity` without a limit. */
function sizeOf(limit = 'infinity'): number {
  const [, digits, unit = ''] = /^(\d+)([KMGT]?)B?(?::|$)/.exec(limit) ?? [];
  return digits === undefined ? Number.POSITIVE_INFINITY : Number(digits) * 1024 ** ' KMGT'.indexOf(unit || ' ');
}

/** RestrictAddressFamilies= in systemd.exec(5): a list of allowed families, or after ~ of denied ones. */
function isUnixAllowed(lists: readonly string[]): boolean {
  const [first] = lists;
  if (first === undefined) return true;
  const isAllowList = !first.startsWith('~');
  let isNamed = false;
  for (const list of lists) {
    if (list.replace(/^~/, '').split(/\s+/).includes('AF_UNIX')) isNamed = list.startsWith('~') !== isAllowList;
  }
  return isNamed === isAllowList;
}

/** Effects of Type=notify on other settings. */
function timingNotes(settings: Settings): readonly string[] {
  const limit = settings.last('TimeoutStartSec') ?? settings.last('TimeoutSec');
  const isLimited = limit !== undefined && ![0, Number.POSITIVE_INFINITY].includes(parseTimeSpan(limit) ?? 0);
  return [
    ...(isLimited ? [`its TimeoutStartSec=${limit} now applies until the app is ready`] : []),
    ...(settings.list('ExecStartPost').length > 0 ? ['its ExecStartPost= now runs after the app is ready'] : []),
  ];
}

/** Settings that may break Node: only a start can show it. */
function nodeNotes(settings: Settings): readonly string[] {
  const filter = settings.list('SystemCallFilter');
  const allows = filter.length > 0 && !filter[0]?.startsWith('~') && !filter.join(' ').includes('@system-service');
  return [
    ...(allows ? ['its SystemCallFilter= must also allow @system-service, which Node needs'] : []),
    ...(settings.list('NoExecPaths').length > 0 ? ['its ExecPaths= must also contain sd-ready-wrap and Node'] : []),
  ];
}
