/** What can be told of a command by its words: what kind of program it is, and whether it runs the app itself. */

const names = (words: string) => new Set(words.split(' '));

const NODE = names('node nodejs');
/** They open the IPC channel that they are given. tsx hands it, and signals, to the Node that it starts. */
const RUNTIMES = names('node nodejs bun tsx');
const PACKAGE_MANAGERS = names('npm npx yarn yarnpkg pnpm pnpx bunx corepack');
/** They start the app as a child of their own. */
const RUNNERS = new Set([...PACKAGE_MANAGERS, ...names('tsx nodemon pm2 pm2-runtime forever')]);
const TASK_RUNNERS = names('make gmake just');
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

/** Options of Node whose value may be a word of its own. */
export const WITH_VALUE: ReadonlySet<string> = names(
  '-r --require --import --loader --experimental-loader -C --conditions --env-file --env-file-if-exists --title ' +
    '-e --eval -p --print -pe --input-type --inspect-port --debug-port --unhandled-rejections --disable-warning ' +
    '--dns-result-order --diagnostic-dir --redirect-warnings --max-http-header-size --icu-data-dir --openssl-config ' +
    '--tls-cipher-list --watch-path',
);

/** Of the words behind `node` those in front of the script. */
export function nodeOptions(args: readonly string[]): readonly string[] {
  let at = 0;
  while (args[at]?.startsWith('-')) at += WITH_VALUE.has(args[at] as string) ? 2 : 1;
  return args.slice(0, at);
}

/** What is behind `node`, and its environment. */
export interface NodeCommand {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Whether this Node restricts what the app may do: then it may not load a preload of ours, and the app not start.
 * @param args behind `node`
 * @param options NODE_OPTIONS
 */
export function hasPermissionModel(args: readonly string[], options: string): boolean {
  return /(^|\s)--(experimental-)?permission(\s|=|$)/.test([...nodeOptions(args), options].join(' '));
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
 * Whether the command is a runtime that runs a file itself: `node FILE`, `bun FILE`, `deno run FILE`. Only then it is
 * known that a signal to the main process is one to the app.
 */
export function runsFile(command: string, args: readonly string[]): boolean {
  const name = nameOf(command);
  if (isNode(command)) return runnerIn([command, ...args]) === undefined && nodeOptions(args).length < args.length;
  if (name === 'env') return behindEnv(args, runsFile) ?? false;
  const [first = '', ...rest] = args.filter((word) => !word.startsWith('-'));
  const isFile = (word = '') => /\/|\.[cm]?[jt]sx?$/.test(word);
  if (name === 'bun') return isFile(first) || (first === 'run' && isFile(rest[0]));
  return name === 'deno' && first === 'run' && isFile(rest[0]);
}

/**
 * What starts the app as a child of its own and does not see it through a stop: npm 11 and `node --run` end at SIGTERM
 * and leave the app running; a shell that waits for a command takes the signal for itself. With KillMode=mixed, which
 * signals the main process alone, such an app is then killed without having been asked to stop.
 * @param read the text of a file, to see whether it is a script for a shell
 * @returns its name, `npm` or `sh -c`; undefined for a command that is the app, or becomes it, as far as can be told
 */
export function launcherOf(
  command: string,
  args: readonly string[],
  read: (path: string) => string | undefined = () => undefined,
): string | undefined {
  const name = nameOf(command);
  const [first = ''] = args.filter((word) => !word.startsWith('-'));
  if (PACKAGE_MANAGERS.has(name) || TASK_RUNNERS.has(name)) return name;
  if (runsScript(command, args)) return `${name} --run`;
  if (isNode(command)) {
    const script = args[nodeOptions(args).length] ?? '';
    // an npm.js beside it is the app's own
    return script.includes('/') && PACKAGE_MANAGERS.has(toolOf(script)) ? toolOf(script) : undefined;
  }
  if (name === 'env') return behindEnv(args, (...inner) => launcherOf(...inner, read));
  if (name === 'bun' && first === 'run' && !runsFile(command, args)) return 'bun run';
  if (name === 'deno' && first === 'task') return 'deno task';
  if (SHELLS.has(name)) {
    const at = args.findIndex((word) => /^-[a-z]*c[a-z]*$/.test(word));
    if (at >= 0) return /^\s*exec\s/.test(args[at + 1] ?? '') ? undefined : `${name} -c`;
    return first === '' || becomesAnother(read(first)) ? undefined : `${name} ${baseName(first)}`;
  }
  const text = command.includes('/') ? read(command) : undefined;
  const shell = /^#!.*\b(?:sh|bash|dash|zsh|ksh|ash)\b/.test(text ?? '');
  return shell && !becomesAnother(text) ? baseName(command) : undefined;
}

/** Whether a script for a shell ends by becoming another program. Of one that cannot be read that is hoped for. */
function becomesAnother(script: string | undefined): boolean {
  return script === undefined || /^\s*exec\s+[^\s<>0-9]/m.test(script);
}

function behindEnv<T>(args: readonly string[], judge: (command: string, args: readonly string[]) => T): T | undefined {
  const at = args.findIndex((word) => !/^(-i|-)$|=/.test(word));
  return at < 0 ? undefined : judge(args[at] as string, args.slice(at + 1));
}

/**
 * A word that would mean something to a shell, which systemd does not start (systemd.service(5), "Command lines").
 * @returns the first: `>`, `2>&1`, `&&`
 */
export function shellOperatorIn(args: readonly string[]): string | undefined {
  // find(1) ends its -exec by it
  const operators = args.includes('-exec') ? /^(&&|\|\|?|&)$/ : /^(&&|\|\|?|&|;)$/;
  return args.find((word) => operators.test(word) || /^(<|[12&]?>>?(&\d|\/\S*)?)$/.test(word));
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
  if (group)
    return `${launcher} may end before the app, and then nothing waits for the app${kills ? ', which is killed' : ''}`;
  const end = kills ? 'killed without a SIGTERM' : 'left running';
  return `${launcher} does not pass on SIGTERM, so the app is ${end}`;
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
