/**
 * Which signals the app would ignore if it were started in our place. Node resets them all when it starts, so we cannot
 * look at our own; but the one that systemd lets a service ignore is known: SIGPIPE, by IgnoreSIGPIPE=, which is on by
 * default (systemd.exec(5)). The unit's files say so, as D-Bus is out of reach for many a service.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Environment } from '../core/environment.ts';
import { lastBoolean, unitOfCgroup } from '../core/unit-setting.ts';

/** By number. */
export function ignoredSignals(env: Environment): readonly number[] {
  const unit = env['INVOCATION_ID'] === undefined ? undefined : unitOfCgroup(read('/proc/self/cgroup') ?? '');
  if (unit === undefined) return [];
  return lastBoolean('IgnoreSIGPIPE', unitTexts(unit, env)) === false ? [] : [constants.signals.SIGPIPE];
}

/** The unit's file and what is dropped in beside it, in the order in which they count (systemd.unit(5)). */
function unitTexts(unit: string, env: Environment): readonly string[] {
  const directories = env['MANAGERPID'] === undefined ? systemDirectories() : userDirectories(env);
  const template = unit.replace(/@.*(?=\.service$)/, '@');
  const names = [...new Set([unit, template])];
  const file = names
    .flatMap((name) => directories.map((directory) => read(`${directory}/${name}`)))
    .find((text) => text !== undefined);
  const prefixes = unit.split('-').map((_, index, words) => `${words.slice(0, index).join('-')}-.service`);
  const dropIns = new Map<string, string>();
  // of two of the same name the first counts
  for (const name of [...names, ...prefixes.slice(1).reverse(), 'service']) {
    for (const directory of directories) {
      for (const entry of list(`${directory}/${name}.d`)) {
        if (entry.endsWith('.conf') && !dropIns.has(entry)) {
          dropIns.set(entry, read(`${directory}/${name}.d/${entry}`) ?? '');
        }
      }
    }
  }
  const sorted = [...dropIns].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, text]) => text);
  return [file ?? '', ...sorted];
}

function systemDirectories(): readonly string[] {
  return [
    ...['/etc/systemd/system.control', '/run/systemd/system.control', '/run/systemd/transient'],
    ...['/run/systemd/generator.early', '/etc/systemd/system', '/etc/systemd/system.attached', '/run/systemd/system'],
    ...['/run/systemd/system.attached', '/run/systemd/generator', '/usr/local/lib/systemd/system'],
    ...['/usr/lib/systemd/system', '/lib/systemd/system', '/run/systemd/generator.late'],
  ];
}

function userDirectories(env: Environment): readonly string[] {
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

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
