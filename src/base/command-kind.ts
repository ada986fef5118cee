/** What can be told of a command by its words: what kind of program it is, and whether it runs the app itself. */

const names = (words: string) => new Set(words.split(' '));

const NODE = names('node nodejs');
/** They open the IPC channel that they are given. tsx hands it, and signals, to the Node that it starts. */
const RUNTIMES = names('node nodejs bun tsx');
const PACKAGE_MANAGERS = names('npm npx yarn yarnpkg pnpm pnpx bunx corepack');
/** They start the app as a child of their own. */
const RUNNERS = new Set([...PACKAGE_MANAGERS, ...names('tsx nodemon pm2 pm2-runtime forever')]);
const SHELLS = names('sh bash dash zsh ksh ash');

/**
 * Whether the command is Node itself, which resets the signals that it was started to ignore, and raises its soft limit
 * of open files (PlatformInit of its src/node.cc).
 */
export function isNode(command: string): boolean {
  return NODE.has(nameOf(command));
}

/**
 * Whether the command is a runtime that opens the IPC channel it is given. npm, npx and the like start the app as a
 * child of their own and do not pass the channel on, nor does `node --run` (ProcessRunner of its
 * src/node_task_runner.cc).
 */
export function isNodeRuntime(command: string, args: readonly string[]): boolean {
  return RUNTIMES.has(nameOf(command)) && !runsScript(command, args);
}

/** Of the words behind `node` those in front of the script, or of an option's value that stands apart. */
export function nodeOptions(args: readonly string[]): readonly string[] {
  const script = args.findIndex((word) => !word.startsWith('-'));
  return script < 0 ? args : args.slice(0, script);
}

/** What of a command line would run instead of the app; undefined where it is Node and a script. */
export function runnerIn([command = '', ...args]: readonly string[]): string | undefined {
  if (!isNode(command)) return command;
  const options = nodeOptions(args);
  const option = options.find((word) => /^--(watch(-path)?|run|test)(=|$)/.test(word));
  if (option !== undefined) return `${command} ${option}`;
  const script = args[options.length] ?? '';
  return RUNNERS.has(toolOf(script)) ? script : undefined;
}

/**
 * What starts the app as a child of its own and does not see it through a stop: npm 11 and `node --run` end at SIGTERM
 * and leave the app running; a shell that waits for a command takes the signal for itself. With KillMode=mixed, which
 * signals the main process alone, such an app is then killed without having been asked to stop.
 * @returns its name, `npm` or `sh -c`; undefined for a command that is the app, or becomes it
 */
export function launcherOf(command: string, args: readonly string[]): string | undefined {
  const name = nameOf(command);
  if (PACKAGE_MANAGERS.has(name)) return name;
  if (runsScript(command, args)) return `${name} --run`;
  if (isNode(command)) {
    const script = args[nodeOptions(args).length] ?? '';
    // an npm.js beside it is the app's own
    return script.includes('/') && PACKAGE_MANAGERS.has(toolOf(script)) ? toolOf(script) : undefined;
  }
  if (name === 'env') {
    const rest = args.findIndex((word) => !/^(-i|-)$|=/.test(word));
    return rest < 0 ? undefined : launcherOf(args[rest] as string, args.slice(rest + 1));
  }
  if (!SHELLS.has(name)) return undefined;
  const at = args.findIndex((word) => /^-[a-z]*c[a-z]*$/.test(word));
  return at < 0 || /^\s*exec\s/.test(args[at + 1] ?? '') ? undefined : `${name} -c`;
}

/** Whether it is Node and starts a script of package.json, by a shell of its own. */
function runsScript(command: string, args: readonly string[]): boolean {
  return isNode(command) && nodeOptions(args).some((word) => /^--run(=|$)/.test(word));
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

/** Without its version: `node` for /usr/bin/node22 and nodejs-20.1. */
function nameOf(command: string): string {
  return baseName(command).replace(/[-.]?\d[\d.]*$/, '');
}

/** What a script of Node is the command of: `npm` for /usr/lib/node_modules/npm/bin/npm-cli.js. */
function toolOf(script: string): string {
  return baseName(script).replace(/(-cli)?(\.[cm]?js)?$/, '');
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
