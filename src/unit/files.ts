/** What the files of our unit say, for those who cannot ask systemd: D-Bus is out of reach for many a service. */
import { constants } from 'node:os';
import { entriesOf, readText } from '../base/files.ts';
import { procText } from '../base/proc.ts';
import { reloadSignal, unitOfCgroup } from './settings.ts';

/** The name of the service that we are of, `shop.service`; undefined where we are no service's. */
export function ownUnit(env: NodeJS.ProcessEnv): string | undefined {
  return env['INVOCATION_ID'] === undefined ? undefined : unitOfCgroup(procText('self', 'cgroup') ?? '');
}

/**
 * The unit's file and what is dropped in beside it, in the order in which they count (systemd.unit(5)); empty where the
 * files are out of reach, undefined where we are no service's.
 */
export function unitTexts(env: NodeJS.ProcessEnv): readonly string[] | undefined {
  const unit = ownUnit(env);
  return unit === undefined ? undefined : textsOf(unit, env);
}

/**
 * Which signal systemd sends to us for a reload, and then waits for RELOADING=1. Read anew each time, as systemd reads
 * them anew at a daemon-reload. Where they are out of reach (RootDirectory=, say) a unit counts as Type=notify, where a
 * reload is nothing to us: systemd would take RELOADING=1 from it as well, and show it as reloading for as long as no
 * sign comes.
 * @param expected the operator has said that there are such reloads: then that one where the files do not say
 * @returns undefined where it sends none
 */
export function reloadSignalOf(env: NodeJS.ProcessEnv, expected: boolean): string | undefined {
  const texts = unitTexts(env);
  return texts && reloadSignal(texts, { ...constants.signals }, expected ? 'notify-reload' : undefined);
}

/** The configuration of the manager that started us, in the order in which it counts (systemd-system.conf(5)). */
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
  // a part of what counts would be worse than nothing
  if (file === undefined) return [];
  return [file, ...dropIns(places.flatMap((name) => directories.map((directory) => `${directory}/${name}.d`)))];
}

/** By name; of two of the same name the first counts. */
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
