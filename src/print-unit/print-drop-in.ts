/** `--print-drop-in`: reads an existing service, and prints what starts it by the wrapper. */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
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
  /** With `.service`; undefined where it is not known. */
  readonly unit: string | undefined;
  readonly texts: readonly UnitText[];
}

/**
 * @param words a command, which is not for us
 * @throws {UsageError} and other known errors, also for a unit that cannot be carried over
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
  // what systemd fills in is checked as an instance that fits everywhere
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
    const notes = [...service.notes, ...unheard(service, config)];
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

/** A program that node is not found for by its first line is named behind its node. */
function wrapperOf({ setsPath }: ExistingService, env: NodeJS.ProcessEnv): readonly string[] {
  const words = wrapper(env);
  if (words.length > 1 || (!setsPath && pathToNode() === undefined)) return words;
  return [process.execPath, ...words];
}

/** What goes on as before: its own READY=1 and its own pings, where the operator does not say otherwise. */
function implied({ type, isWatched }: ExistingService, raw: RawOptions): RawOptions {
  if (isOn(raw, 'handoff')) return {};
  const speaks = type.startsWith('notify') && probeSpecs(raw).length === 0;
  return {
    ...(speaks ? { notify: [{ place: '--notify', text: true }] } : {}),
    ...(isWatched && !raw.watchdog ? { watchdog: [{ place: '--watchdog', text: 'app' }] } : {}),
  };
}

/** One without a directory finds just that; from the wrapper, mostly its whole path. Node does not look. */
function ownName({ command: { path } }: ExistingService): string | undefined {
  return path.includes('/') || isNode(path) ? undefined : path;
}

/** Without a notify socket of its own the app speaks to nobody. */
function unheard({ mayNotify }: ExistingService, { probes, watchdog, handoff }: Config): readonly string[] {
  const isHeard = handoff || watchdog === 'app' || probes.some(({ kind }) => kind === 'notify' || kind === 'auto');
  if (!mayNotify || isHeard) return [];
  return ['notifications of the app itself, such as STATUS=, are not relayed without --notify'];
}

/** Where the system's manager is notified. */
const NOTIFY_SOCKET = '/run/systemd/notify';

/** @throws {UsageError} for what of this host or of these probes the unit keeps from the wrapper */
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

/** The first directory above it that root keeps to itself. */
function closedAbove(path: string): string | undefined {
  const directory = dirname(path);
  if (directory === path) return undefined;
  const isClosed = orElse(() => {
    const { mode, uid, gid } = statSync(directory);
    return uid === 0 && (mode & 0o001) === 0 && (gid === 0 || (mode & 0o010) === 0);
  }, false);
  return closedAbove(directory) ?? (isClosed ? directory : undefined);
}

/** @throws {UsageError} where there is no such unit */
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
  return { unit, texts: divided(text) };
}

function fromFiles(value: RawValue, path: string): Source {
  const read = (file: string): UnitText => ({ path: resolve(file), text: readFileSync(file, 'utf8') });
  try {
    const first = read(path);
    const texts = /^# \/.*\n/.test(first.text) ? divided(first.text) : [first];
    const names = orElse(() => readdirSync(`${path}.d`), []).filter((name) => name.endsWith('.conf'));
    const dropIns = names.sort().map((name) => read(`${path}.d/${name}`));
    const named = [path, ...texts.flatMap((text) => text.path ?? [])].find((each) => each.endsWith('.service'));
    return { unit: named && basename(named), texts: [...texts, ...dropIns] };
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new UsageError(quote(value), `cannot be read (${code})`, 'write e.g. /etc/systemd/system/shop.service');
  }
}

/** Of `systemctl cat`: each file stands below its path, and behind a blank line. */
const HEADING = /(?:^|\n\n)# (\/.+\.service|\/.+\.d\/[^/\n]+\.conf)(?=\n)/;

function divided(text: string): readonly UnitText[] {
  const [before = '', ...parts] = text.split(HEADING);
  const files = parts.flatMap((part, index) =>
    index % 2 === 0 ? [{ path: part, text: (parts[index + 1] ?? '').slice(1) }] : [],
  );
  return before.trim() === '' ? files : [{ path: undefined, text: before }, ...files];
}
