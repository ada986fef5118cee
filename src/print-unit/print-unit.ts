/** `--print-unit`: collects the facts for a unit with this command line on this host. */
import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { isNode, launcherOf, runsFile } from '../base/command-kind.ts';
import { UsageError } from '../base/errors.ts';
import { readHead } from '../base/files.ts';
import { VERSION } from '../base/version.ts';
import { buildConfig, type Config } from '../options/config.ts';
import { example, isOn, quote, type RawOptions, type RawValue } from '../options/raw.ts';
import { variableOf } from '../options/variables.ts';
import { optionWords } from '../options/words.ts';
import { awaitedPort, type ProbeSpec } from '../probes/spec.ts';
import { majorVersion, systemdVersion } from '../unit/host-systemd.ts';
import { absolute, account, pathToNode, runtimeDirectory, unitDirectory, workingDirectory, wrapper } from './host.ts';
import { parseUnitName, type UnitName, unitNameFrom } from './name.ts';
import { unitNotes } from './notes.ts';
import { type UnitFacts, UnwritablePath, unitFile } from './service-file.ts';
import { holdUnit, joined, socketUnit } from './swap.ts';

/** The longest line of a unit file, bytes (LONG_LINE_MAX in systemd's source). */
const LINE_MAX = 1024 * 1024;

/** systemd's default TimeoutStartSec=, ms. */
const START_LIMIT = 90_000;

/** The time for a start beyond the delays in the options, ms. */
const MARGIN = 60_000;

/** The time that the wrapper needs to give up a start, beside --timeout and --stop-timeout, ms. */
const GRACE = 5000;

/** Variables of the shell that are meant for the app by convention. */
const CUSTOMARY = ['NODE_ENV', 'PORT'];

export interface PrintedUnit {
  readonly text: string;
  /** Hints for the operator. */
  readonly notes: readonly string[];
}

/**
 * @param words the command
 * @throws {UsageError} and other known errors
 */
export async function printUnit(
  raw: RawOptions,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<PrintedUnit> {
  const directory = workingDirectory();
  const named = unitName(raw['unit-name']?.at(-1));
  const swap = isOn(raw, 'swap') ? swapName(named, raw['unit-name']?.at(-1)) : undefined;
  const unit = swap === undefined ? named : { name: `${swap}@`, template: true };
  // options are checked with an instance name for %i that is valid everywhere
  const sample = (text: string) => (unit.template ? text.replace(/%[iI]/g, swap === undefined ? '1' : 'a') : text);
  const config = buildConfig(
    mapTexts(raw, sample),
    words.map((word, index) => (index === 0 ? word : sample(word))),
  );
  const [command, ...args] = words as readonly [string, ...string[]];
  const manager = isOn(raw, 'user') ? 'user' : 'system';
  const options = optionWords(raw, config.probes);
  const port = instancePort(raw);
  // an instance needs its port from PORT= or from its command
  const namesInstance = words.some((word) => /%[iI]/.test(word));
  const customary = CUSTOMARY.flatMap((name) => {
    const instance = name === 'PORT' && unit.template && (env[name] || !namesInstance) ? port : undefined;
    const value = instance ?? env[name];
    return value ? [[name, value] as const] : [];
  });
  const text = write({
    version: VERSION,
    unit,
    manager,
    wrapper: wrapper(env),
    options: options.words,
    command: [absolute(command, unit, env), ...args],
    launcher: launcherOf(command, args, (path) => readHead(resolve(directory, path))),
    runsFile: runsFile(command, args),
    directory,
    runtimeDirectories: [...new Set(config.probes.flatMap(runtimeDirectoryOf))],
    account: account(),
    path: pathToNode(),
    environment: [...customary, ...options.variables.map(([name, value]) => [variableOf(name), value] as const)],
    startLimit: startLimit(config),
    ownTimeout: Number.isFinite(config.timeout),
    // by default the wrapper pings if the unit has WatchdogSec=; only an explicit option adds that setting
    watchdog: raw.watchdog !== undefined && config.watchdog !== 'off',
    reloads: config.reloadTimeout !== undefined,
    handoff: config.handoff,
    swap,
    // after other digits %i is a part of a number
    instances: swap !== undefined ? ['a', 'b'] : /\d%[iI]/.test(port ?? '') ? ['1', '2'] : ['3001', '3002'],
    systemd: majorVersion(await systemdVersion()),
    notifySocket: `${manager === 'user' ? runtimeDirectory(env) : '/run'}/systemd/notify`,
  });
  if (text.split('\n').some((line) => Buffer.byteLength(line) > LINE_MAX)) {
    throw new UsageError('<command>', `too long for a line of a unit file (${LINE_MAX} bytes)`, 'put it in a script');
  }
  if (/\p{NChar}/u.test(text)) {
    // systemd takes them for invalid UTF-8 (unichar_is_valid() in its source)
    throw new UsageError(
      '<command>',
      'contains a noncharacter such as U+FFFF, which systemd rejects',
      'put it in a script',
    );
  }
  const notes = unitNotes({
    raw,
    probes: config.probes,
    template: unit.template && swap === undefined ? unit.name : undefined,
    port: customary.find(([name]) => name === 'PORT')?.[1],
  });
  const all = swap === undefined ? text : withSocket(text, swap, manager, sharedPorts(config.probes, raw, env), env);
  return { text: all, notes: [...notes, ...missingScript(directory, words)] };
}

/** The text of all three units: the socket, its holder and the template. */
function withSocket(
  template: string,
  name: string,
  manager: 'system' | 'user',
  ports: readonly number[],
  env: NodeJS.ProcessEnv,
): string {
  const directory = unitDirectory(manager, env);
  const facts = { version: VERSION, name, manager, ports, directory };
  return joined(directory, [socketUnit(facts), holdUnit(facts), { name: `${name}@.service`, text: template }]);
}

/** The name of the app: that of the template, which may be written with or without @. */
function swapName({ name }: UnitName, value: RawValue | undefined): string {
  const app = name.replace(/@$/, '');
  const longest = parseUnitName(`${app}-hold`);
  if (typeof longest !== 'string') return app;
  throw new UsageError(value ? quote(value) : 'the working directory', longest, 'write e.g. --unit-name shop');
}

/**
 * The probed ports of the app, else that of PORT=.
 * @throws {UsageError} without either
 */
function sharedPorts(probes: readonly ProbeSpec[], raw: RawOptions, env: NodeJS.ProcessEnv): readonly number[] {
  const awaited = [...new Set(probes.flatMap((spec) => awaitedPort(spec) ?? []))];
  if (awaited.length > 0) return awaited;
  const port = Number(env['PORT']);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return [port];
  const [value] = raw.swap as readonly [RawValue];
  const hint = 'write it, e.g. --print-unit --swap --tcp 3000, or write PORT=3000 before the command';
  throw new UsageError(quote(value), 'the shared port of the instances is unknown', hint);
}

/** Only for plain names, which need no quotes in a unit file. */
function runtimeDirectoryOf(spec: ProbeSpec): string[] {
  const path = spec.kind === 'file' || (spec.kind === 'unix' && spec.owner === 'app') ? spec.path : '';
  return /^\/run\/([\w.-]+)\//.exec(path)?.slice(1) ?? [];
}

/** Checks only a script that directly follows `node`: after an option the word may be the option's value. */
function missingScript(directory: string, [command = '', script = '']: readonly string[]): readonly string[] {
  if (!isNode(command) || !/^[^-%][^%]*\.[cm]?[jt]s$/.test(script) || existsSync(resolve(directory, script))) return [];
  const from = isAbsolute(script) ? '' : '; relative paths start from the directory where this command runs';
  return [`${resolve(directory, script)} does not exist${from}`];
}

function write(facts: UnitFacts): string {
  try {
    return unitFile(facts);
  } catch (error) {
    if (!(error instanceof UnwritablePath)) throw error;
    const place = error.path === facts.directory ? 'the working directory' : 'the path of sd-ready-wrap';
    throw new UsageError(
      place,
      `a unit file cannot contain this path (${error.path})`,
      'use a path of plain characters, e.g. /srv/app',
    );
  }
}

function unitName(value: RawValue | undefined): UnitName {
  if (!value) return unitNameFrom(workingDirectory());
  const name = parseUnitName(String(value.text));
  if (typeof name !== 'string') return name;
  const template = quote({ ...value, text: 'shop@' });
  throw new UsageError(quote(value), name, `${example('unit-name', value)}, or ${template} for a template`);
}

export function mapTexts(raw: RawOptions, change: (text: string) => string): RawOptions {
  return Object.fromEntries(
    Object.entries(raw).map(([name, values]) => [
      name,
      values.map((value) => ({ ...value, text: value.text === true ? value.text : change(value.text) })),
    ]),
  );
}

function startLimit({ timeout, stopTimeout, probes, timing }: Config): number {
  if (Number.isFinite(timeout)) return timeout + (Number.isFinite(stopTimeout) ? stopTimeout : MARGIN) + GRACE;
  const delay = probes.reduce((sum, spec) => sum + (spec.kind === 'delay' ? spec.ms : 0), timing.initialDelay);
  return Math.max(START_LIMIT, delay + MARGIN);
}

/** The port of a template's instances, `300%i`, also for the app's PORT=. */
function instancePort(raw: RawOptions): string | undefined {
  const texts = [...(raw.tcp ?? []), ...(raw.listen ?? [])].map(({ text }) => String(text).replace(/^.*:/, ''));
  return texts.find((text) => /^\d*%[iI]\d*$/.test(text));
}
