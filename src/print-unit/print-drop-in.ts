/** `--print-drop-in`: reads an existing service, and prints a drop-in that starts it through the wrapper. */
import { createReadStream, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { isNode } from '../base/command-kind.ts';
import { UsageError } from '../base/errors.ts';
import { orElse } from '../base/or-else.ts';
import { VERSION } from '../base/version.ts';
import { buildConfig, type Config } from '../options/config.ts';
import { probeSpecs } from '../options/probes.ts';
import { isOn, quote, type RawOptions, type RawValue } from '../options/raw.ts';
import { variableOf } from '../options/variables.ts';
import { optionWords } from '../options/words.ts';
import { catUnit } from '../unit/host-systemd.ts';
import { dropIn } from './drop-in.ts';
import { unquoted } from './exec-line.ts';
import { type ExistingService, existingService, isObstacle, type UnitText } from './existing-service.ts';
import { pathToNode, wrapper } from './host.ts';
import { isOtherUnit } from './name.ts';
import { mapTexts, type PrintedUnit } from './print-unit.ts';
import { UnwritablePath } from './service-file.ts';

interface Source {
  /** With `.service`; undefined if unknown. */
  readonly unit: string | undefined;
  readonly texts: readonly UnitText[];
}

/**
 * @param words must be empty: the command is the unit's
 * @throws {UsageError} and other known errors, also if the unit cannot be started through the wrapper
 */
export async function printDropIn(
  given: RawOptions,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<PrintedUnit> {
  const value = given['print-drop-in']?.at(-1) as RawValue;
  if (words.length > 0) {
    throw new UsageError(
      words[0] as string,
      '--print-drop-in takes the command from the unit',
      `write ${quote(value)} without a command`,
    );
  }
  const manager = isOn(given, 'user') ? 'user' : 'system';
  const { unit, texts } = await source(value, manager);
  const service = existingService(texts);
  if (isObstacle(service)) {
    throw new UsageError(`${unit ?? quote(value)}: ${service.setting}`, service.problem, service.hint);
  }
  // options are checked with 1 for %i, which is valid everywhere
  const template = unit?.includes('@') ?? true;
  const sample = (text: string) => (template ? text.replace(/%[iI]/g, '1') : text);
  const raw = { ...given, ...implied(service, mapTexts(given, sample)) };
  const config = buildConfig(mapTexts(raw, sample), [service.command.path, ...service.args.map(unquoted)]);
  const program = wrapperOf(service, env);
  refuseHidden(service, config, [...program, ...(manager === 'system' ? [NOTIFY_SOCKET] : [])]);
  const options = optionWords(raw, config.probes);
  try {
    const text = dropIn({
      ...{ version: VERSION, unit, manager, template, type: service.type, wrapper: program, options: options.words },
      ...{ argv0: service.argv0 ?? ownName(service), path: service.command.path, args: service.args },
      prefixes: service.command.prefixes.replaceAll('@', ''),
      environment: options.variables.map(([name, text]) => [variableOf(name), text] as const),
    });
    const notes = [...service.notes, ...lostNotifications(service, config), ...missingSocket(service, config, unit)];
    return { text, notes: notes.map((note) => `${unit ?? quote(value)}: ${note}`) };
  } catch (error) {
    if (!(error instanceof UnwritablePath)) throw error;
    throw new UsageError(
      'the path of sd-ready-wrap',
      `a unit file cannot contain this path (${error.path})`,
      'install it elsewhere',
    );
  }
}

/** If the program's first line would not find node, the path of node is written before it. */
function wrapperOf({ setsPath }: ExistingService, env: NodeJS.ProcessEnv): readonly string[] {
  const words = wrapper(env);
  if (words.length > 1 || (!setsPath && pathToNode() === undefined)) return words;
  return [process.execPath, ...words];
}

/** Keeps the app's own READY=1 and pings, unless the operator names a probe or a watchdog mode. */
function implied({ type, isWatched }: ExistingService, raw: RawOptions): RawOptions {
  if (isOn(raw, 'handoff')) return {};
  const notifies = type.startsWith('notify') && probeSpecs(raw).length === 0;
  return {
    ...(notifies ? { notify: [{ place: '--notify', text: true }] } : {}),
    ...(isWatched && !raw.watchdog ? { watchdog: [{ place: '--watchdog', text: 'app' }] } : {}),
  };
}

/** A path without a directory is also argv[0]; the wrapper would pass the whole path. Node ignores argv[0]. */
function ownName({ command: { path } }: ExistingService): string | undefined {
  return path.includes('/') || isNode(path) ? undefined : path;
}

/** Without --notify the app has no notify socket. */
function lostNotifications({ mayNotify }: ExistingService, { probes, watchdog, handoff }: Config): readonly string[] {
  const isRelayed = handoff || watchdog === 'app' || probes.some(({ kind }) => kind === 'notify' || kind === 'auto');
  if (!mayNotify || isRelayed) return [];
  return ['notifications of the app itself, such as STATUS=, are not relayed without --notify'];
}

/** Without a listening socket from systemd, a start with --take-sockets fails. */
function missingSocket({ namesSockets }: ExistingService, { takeSockets }: Config, unit = 'UNIT.service') {
  if (namesSockets || !takeSockets) return [];
  const socket = unit.replace(/\.service$/, '.socket');
  return [`--take-sockets needs a socket that systemd holds: ${socket}, or Sockets= under [Service]`];
}

/** The notify socket of the system manager. */
const NOTIFY_SOCKET = '/run/systemd/notify';

/** @throws {UsageError} if the unit hides a needed file from the wrapper, or blocks the connections of a probe */
function refuseHidden(service: ExistingService, { probes }: Config, needed: readonly string[]): void {
  const paths = [...needed, process.execPath].filter((word) => word.startsWith('/'));
  const files = [...new Set(paths.flatMap((path) => [path, orElse(() => realpathSync(path), path)]))];
  for (const file of files) {
    const setting = service.hides(file);
    if (setting === undefined) continue;
    const hint = file === NOTIFY_SOCKET ? 'add' : 'install sd-ready-wrap and Node elsewhere, e.g. below /usr, or add';
    throw new UsageError(setting, `hides ${file}`, `${hint} BindReadOnlyPaths=${file}`);
  }
  const closed = service.hasUser ? files.flatMap((file) => closedAbove(file) ?? [])[0] : undefined;
  if (closed !== undefined) {
    throw new UsageError(
      closed,
      "the unit's user cannot enter it, but sd-ready-wrap or its Node is inside",
      'install both where every user may read them, e.g. below /usr',
    );
  }
  const connects = probes.find(({ kind }) => kind === 'tcp' || kind === 'http');
  if (service.dropsPackets !== undefined && connects) {
    throw new UsageError(
      service.dropsPackets,
      `drops the packets of --${connects.kind}`,
      'use e.g. --listen 3000, which makes no connection, or add IPAddressAllow=localhost',
    );
  }
}

/** The topmost directory above it that only root may enter. */
function closedAbove(path: string): string | undefined {
  const directory = dirname(path);
  if (directory === path) return undefined;
  const isClosed = orElse(() => {
    const { mode, uid, gid } = statSync(directory);
    return uid === 0 && (mode & 0o001) === 0 && (gid === 0 || (mode & 0o010) === 0);
  }, false);
  return closedAbove(directory) ?? (isClosed ? directory : undefined);
}

/** @throws {UsageError} if the unit does not exist */
async function source(value: RawValue, manager: 'system' | 'user'): Promise<Source> {
  const name = String(value.text);
  if (name.includes('/')) return fromFiles(value, name);
  const unit = name.replace(/(\.service)?$/, '.service');
  if (isOtherUnit(name)) throw new UsageError(quote(value), 'not a service', 'write e.g. shop.service');
  if (!/^[\w:.\\@-]+$/.test(unit)) {
    throw new UsageError(quote(value), 'not the name of a unit', 'write e.g. shop.service, or the path of its file');
  }
  const { text, problem } = await catUnit(unit, manager);
  if (problem !== undefined) {
    const hint = `see systemctl ${manager === 'user' ? '--user ' : ''}list-unit-files, or write the path of its file`;
    throw new UsageError(quote(value), problem, hint);
  }
  return { unit, texts: splitFiles(text) };
}

async function fromFiles(value: RawValue, path: string): Promise<Source> {
  try {
    const first = await readUnit(path);
    const texts = /^# \/.*\n/.test(first.text) ? splitFiles(first.text) : [first];
    const names = orElse(() => readdirSync(`${path}.d`), []).filter((name) => name.endsWith('.conf'));
    const dropIns = await Promise.all(names.sort().map((name) => readUnit(`${path}.d/${name}`)));
    const named = [path, ...texts.flatMap((text) => text.path ?? [])].find((each) => each.endsWith('.service'));
    return { unit: named && basename(named), texts: [...texts, ...dropIns] };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(
      quote(value),
      `cannot be read (${code ?? message})`,
      'write e.g. /etc/systemd/system/shop.service',
    );
  }
}

/** Bytes. systemd accepts no longer line (LONG_LINE_MAX in its basic/def.h). */
const LONGEST_UNIT = 1024 * 1024;

/** Reads a pipe too, as /dev/stdin is. A device may have no end. */
async function readUnit(file: string): Promise<UnitText> {
  const text = await readText(createReadStream(file, { end: LONGEST_UNIT }));
  if (Buffer.byteLength(text) > LONGEST_UNIT) throw new Error('more than 1 MiB');
  return { path: resolve(file), text };
}

/** In the output of `systemctl cat` each file follows a blank line and its path. */
const HEADING = /(?:^|\n\n)# (\/.+\.service|\/.+\.d\/[^/\n]+\.conf)(?=\n)/;

function splitFiles(text: string): readonly UnitText[] {
  const [before = '', ...parts] = text.split(HEADING);
  const files = parts.flatMap((part, index) =>
    index % 2 === 0 ? [{ path: part, text: (parts[index + 1] ?? '').slice(1) }] : [],
  );
  return before.trim() === '' ? files : [{ path: undefined, text: before }, ...files];
}
