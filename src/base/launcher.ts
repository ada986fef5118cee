/** Commands that start the app as a child of their own and do not see it through a stop. */

const PACKAGE_MANAGERS: ReadonlySet<string> = new Set([
  'npm',
  'npx',
  'yarn',
  'yarnpkg',
  'pnpm',
  'pnpx',
  'bunx',
  'corepack',
]);

const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash', 'dash', 'zsh', 'ksh', 'ash']);

/**
 * npm 11 ends at SIGTERM and leaves the app running; a shell that waits for a command takes the signal for itself. With
 * KillMode=mixed, which signals the main process alone, such an app is then killed without having been asked to stop.
 * @returns its name, `npm` or `sh -c`; undefined for a command that is the app, or becomes it
 */
export function launcherOf(command: string, args: readonly string[]): string | undefined {
  const name = baseName(command);
  const [first = ''] = args;
  if (PACKAGE_MANAGERS.has(name)) return name;
  if (/^node(js)?$/.test(name) && /\/(npm|npx|yarn|pnpm|corepack)(-cli)?\.c?js$/.test(first)) {
    return baseName(first).replace(/(-cli)?\.c?js$/, '');
  }
  if (name === 'env') {
    const rest = args.findIndex((word) => !/^(-i|-)$|=/.test(word));
    return rest < 0 ? undefined : launcherOf(args[rest] as string, args.slice(rest + 1));
  }
  if (SHELLS.has(name)) {
    const at = args.findIndex((word) => /^-[a-z]*c[a-z]*$/.test(word));
    const script = args[at + 1] ?? '';
    return at < 0 || /^\s*exec\s/.test(script) ? undefined : `${name} -c`;
  }
  return undefined;
}

/**
 * What becomes of an app at a stop that its launcher does not see through (systemd.kill(5)).
 * @param group whether what comes for us goes to all of the app's process group
 * @returns undefined where systemd signals the app itself
 */
export function stopProblem(launcher: string, killMode: string | undefined, group: boolean): string | undefined {
  if (killMode === undefined || killMode === 'control-group') return undefined;
  const kills = killMode === 'mixed';
  if (group) return `${launcher} may end before the app, which is then ${kills ? 'killed and ' : ''}not waited for`;
  const end = kills ? 'killed without having been asked to stop' : 'left running';
  return `${launcher} does not pass SIGTERM on, so the app is ${end}`;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
