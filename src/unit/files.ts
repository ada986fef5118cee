/** Reads the files of our unit, because many services cannot reach D-Bus to query systemd. */
import { constants } from 'node:os';
import { unitOfCgroup } from '../base/cgroup.ts';
import { entriesOf, readText } from '../base/files.ts';
import { procText } from '../base/proc.ts';
import { isListedSuccess, reloadSignal } from './settings.ts';

/** The name of our service, `shop.service`; undefined if we are not in a service. */
export function ownUnit(env: NodeJS.ProcessEnv): string | undefined {
  return env['INVOCATION_ID'] === undefined ? undefined : unitOfCgroup(procText('self', 'cgroup') ?? '');
}

/**
 * The unit's file and its drop-ins, in systemd's order (systemd.unit(5)); empty if the files cannot be read, undefined
 * if we are not in a service.
 */
export function unitTexts(env: NodeJS.ProcessEnv): readonly string[] | undefined {
  const unit = ownUnit(env);
  return unit === undefined ? undefined : textsOf(unit, env);
}

/**
 * The signal that systemd sends for a reload of a Type=notify-reload unit, to wait for RELOADING=1. The files are read
 * each time, because systemd reads them again at a daemon-reload. If they cannot be read (RootDirectory=, for example),
 * the unit counts as Type=notify, which needs no RELOADING=1: systemd would accept it even then, and would show the
 * unit as reloading until READY=1.
 * @param expected whether the operator expects such reloads: then an unknown type counts as notify-reload
 * @returns undefined if systemd sends none
 */
export function reloadSignalOf(env: NodeJS.ProcessEnv, expected: boolean): string | undefined {
  const texts = unitTexts(env);
  return texts && reloadSignal(texts, { ...constants.signals }, expected ? 'notify-reload' : undefined);
}

/** Whether the unit's SuccessExitStatus= lists the exit code. */
export function isSuccess(code: number, env: NodeJS.ProcessEnv): boolean {
  return isListedSuccess(code, unitTexts(env) ?? []);
}

/** The texts of the manager's configuration, in systemd's order (systemd-system.conf(5)). */
export function managerTexts(env: NodeJS.ProcessEnv): readonly string[] {
  const name = env['MANAGERPID'] === undefined ? 'system.conf' : 'user.conf';
  const directories = ['/etc/systemd', '/run/systemd', '/usr/local/lib/systemd', '/usr/lib/systemd'];
  const main = directories.map((directory) => readText(`${directory}/${name}`)).find((text) => text !== undefined);
  return [main ?? '', ...dropIns(directories.map((directory) => `${directory}/${name}.d`))];
}

function textsOf(unit: string, env: NodeJS.ProcessEnv): readonly string[] {
  const directories = env['MANAGERPID'] === undefined ? systemDirectories() : userDirectories(env);
  const template = unit.replace(/@.*(?=\.service$)/, '@');
  const names = [...new Set([unit, template])];
  const file = names
    .flatMap((name) => directories.map((directory) => readText(`${directory}/${name}`)))
    .find((text) => text !== undefined);
  const prefixes = unit.split('-').map((_, index, words) => `${words.slice(0, index).join('-')}-.service`);
  const places = [...names, ...prefixes.slice(1).reverse(), 'service'];
  // drop-ins without the unit's file would be misleading
  if (file === undefined) return [];
  return [file, ...dropIns(places.flatMap((name) => directories.map((directory) => `${directory}/${name}.d`)))];
}

/** Sorted by file name; the first directory wins for two files of the same name. */
function dropIns(directories: readonly string[]): readonly string[] {
  const texts = new Map<string, string>();
  for (const directory of directories) {
    for (const { name } of entriesOf(directory)) {
      if (name.endsWith('.conf') && !texts.has(name)) texts.set(name, readText(`${directory}/${name}`) ?? '');
    }
  }
  return [...texts].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, text]) => text);
}

function systemDirectories(): readonly string[] {
  return [
    ...['/etc/systemd/system.control', '/run/systemd/system.control', '/run/systemd/transient'],
    ...['/run/systemd/generator.early', '/etc/systemd/system', '/etc/systemd/system.attached', '/run/systemd/system'],
    ...['/run/systemd/system.attached', '/run/systemd/generator', '/usr/local/lib/systemd/system'],
    ...['/usr/lib/systemd/system', '/lib/systemd/system', '/run/systemd/generator.late'],
  ];
}

function userDirectories(env: NodeJS.ProcessEnv): readonly string[] {
  const config = `${env['XDG_CONFIG_HOME'] ?? `${env['HOME']}/.config`}/systemd`;
  const data = `${env['XDG_DATA_HOME'] ?? `${env['HOME']}/.local/share`}/systemd`;
  const runtime = `${env['XDG_RUNTIME_DIR']}/systemd`;
  return [
    ...[`${config}/user.control`, `${runtime}/user.control`, `${runtime}/transient`, `${runtime}/generator.early`],
    ...[`${config}/user`, '/etc/systemd/user', `${runtime}/user`, '/run/systemd/user', `${runtime}/generator`],
    ...[`${data}/user`, '/usr/local/share/systemd/user', '/usr/share/systemd/user', '/usr/local/lib/systemd/user'],
    ...['/usr/lib/systemd/user', `${runtime}/generator.late`],
  ];
}
