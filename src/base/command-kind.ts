/** Guesses from a command line what kind of program it starts, and whether that program is the app itself. */

const names = (words: string) => new Set(words.split(' '));

const NODE = names('node nodejs');
/** These open the IPC channel that they get. tsx passes it, and signals, to the Node that it starts. */
const RUNTIMES = names('node nodejs bun tsx');
const PACKAGE_MANAGERS = names('npm npx yarn yarnpkg pnpm pnpx bunx corepack');
/** These start the app as a child process. */
const RUNNERS = new Set([...PACKAGE_MANAGERS, ...names('tsx nodemon pm2 pm2-runtime forever')]);
const TASK_RUNNERS = names('make gmake just');
const SHELLS = names('sh bash dash zsh ksh ash');

/**
 * Whether the command is Node. Node itself resets ignored signals and raises its soft limit of open files (PlatformInit
 * in its src/node.cc).
 */
export function isNode(command: string): boolean {
  return NODE.has(nameOf(command));
}

/**
 * Whether the command is a runtime that opens the IPC channel that it gets. npm, npx and `node --run` do not pass the
 * channel on to the child that they start (for the latter see ProcessRunner in Node's src/node_task_runner.cc).
 */
export function isNodeRuntime(command: string, args: readonly string[]): boolean {
  return RUNTIMES.has(nameOf(command)) && !runsScript(command, args);
}

/** Options of Node whose value may be the next argument. */
export const WITH_VALUE: ReadonlySet<string> = names(
  '-r --require --import --loader --experimental-loader -C --conditions --env-file --env-file-if-exists --title ' +
    '-e --eval -p --print -pe --input-type --inspect-port --debug-port --unhandled-rejections --disable-warning ' +
    '--dns-result-order --diagnostic-dir --redirect-warnings --max-http-header-size --icu-data-dir --openssl-config ' +
    '--tls-cipher-list --watch-path',
);

/**
 * The options before the script.
 * @param args all arguments of Node
 */
export function nodeOptions(args: readonly string[]): readonly string[] {
  let at = 0;
  while (args[at]?.startsWith('-')) at += WITH_VALUE.has(args[at] as string) ? 2 : 1;
  return args.slice(0, at);
}

/** Arguments of Node, and its environment. */
export interface NodeCommand {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Whether this Node restricts the app: it may then refuse to load the wrapper's preload, and the app would not start.
 * @param args arguments of Node
 * @param options NODE_OPTIONS
 */
export function hasPermissionModel(args: readonly string[], options: string): boolean {
  return /(^|\s)--(experimental-)?permission(\s|=|$)/.test([...nodeOptions(args), options].join(' '));
}

/** What would start in place of the app's script, e.g. `npx` or `node --watch`; undefined for `node SCRIPT`. */
export function runnerIn([command = '', ...args]: readonly string[]): string | undefined {
  if (!isNode(command)) return command;
  const options = nodeOptions(args);
  const option = options.find((word) => /^--(watch(-path)?|run|test)(=|$)/.test(word));
  if (option !== undefined) return `${command} ${option}`;
  const script = args[options.length] ?? '';
  return RUNNERS.has(toolOf(script)) ? script : undefined;
}

/**
 * Whether the command is a runtime that runs a file itself: `node FILE`, `bun FILE`, `deno run FILE`. Only then a
 * signal to the main process certainly reaches the app.
 */
export function runsFile(command: string, args: readonly string[]): boolean {
  const name = nameOf(command);
  if (isNode(command)) return runnerIn([command, ...args]) === undefined && nodeOptions(args).length < args.length;
  if (name === 'env') return ofEnvCommand(args, runsFile) ?? false;
  const [first = '', ...rest] = args.filter((word) => !word.startsWith('-'));
  const isFile = (word = '') => /\/|\.[cm]?[jt]sx?$/.test(word);
  if (name === 'bun') return isFile(first) || (first === 'run' && isFile(rest[0]));
  return name === 'deno' && first === 'run' && isFile(rest[0]);
}

/**
 * A launcher starts the app as a child and does not stop it properly: npm 11 and `node --run` end at SIGTERM and leave
 * the app running; a shell that waits for a command does not forward the signal. KillMode=mixed sends SIGTERM only to
 * the main process, so systemd then kills the app without asking it to stop.
 * @param read returns the start of a file's text, to recognize shell scripts
 * @returns the launcher's name, `npm` or `sh -c`; undefined if the command probably is the app, or execs it
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
    // a plain `npm.js` is a file of the app
    return script.includes('/') && PACKAGE_MANAGERS.has(toolOf(script)) ? toolOf(script) : undefined;
  }
  if (name === 'env') return ofEnvCommand(args, (...inner) => launcherOf(...inner, read));
  if (name === 'bun' && first === 'run' && !runsFile(command, args)) return 'bun run';
  if (name === 'deno' && first === 'task') return 'deno task';
  if (SHELLS.has(name)) {
    const at = args.findIndex((word) => /^-[a-z]*c[a-z]*$/.test(word));
    if (at >= 0) return /^\s*exec\s/.test(args[at + 1] ?? '') ? undefined : `${name} -c`;
    return first === '' || endsWithExec(read(first)) ? undefined : `${name} ${baseName(first)}`;
  }
  const text = command.includes('/') ? read(command) : undefined;
  const shell = /^#!.*\b(?:sh|bash|dash|zsh|ksh|ash)\b/.test(text ?? '');
  return shell && !endsWithExec(text) ? baseName(command) : undefined;
}

/** Whether a shell script execs a program. Assumed of a script that is not readable. */
function endsWithExec(script: string | undefined): boolean {
  return script === undefined || /^\s*exec\s+[^\s<>0-9]/m.test(script);
}

/** @param args arguments of env(1) */
function ofEnvCommand<T>(
  args: readonly string[],
  judge: (command: string, args: readonly string[]) => T,
): T | undefined {
  const at = args.findIndex((word) => !/^(-i|-)$|=/.test(word));
  return at < 0 ? undefined : judge(args[at] as string, args.slice(at + 1));
}

/**
 * Finds shell operators: systemd starts no shell (systemd.service(5), "Command lines").
 * @returns the first, e.g. `>`, `2>&1`, `&&`
 */
export function shellOperatorIn(args: readonly string[]): string | undefined {
  // `;` ends -exec of find(1)
  const operators = args.includes('-exec') ? /^(&&|\|\|?|&)$/ : /^(&&|\|\|?|&|;)$/;
  return args.find((word) => operators.test(word) || /^(<|[12&]?>>?(&\d|\/\S*)?)$/.test(word));
}

/** Whether the command is `node --run`, which starts a script of package.json in a shell. */
function runsScript(command: string, args: readonly string[]): boolean {
  return isNode(command) && nodeOptions(args).some((word) => /^--run(=|$)/.test(word));
}

/**
 * What happens to the app at a stop if its launcher does not forward signals (systemd.kill(5)).
 * @param group whether the wrapper forwards signals to the app's process group
 * @returns undefined if systemd signals the app itself
 */
export function stopProblem(launcher: string, killMode: string | undefined, group: boolean): string | undefined {
  if (killMode === undefined || killMode === 'control-group') return undefined;
  const kills = killMode === 'mixed';
  if (group)
    return `${launcher} may end before the app, and then nothing waits for the app${kills ? ', which is killed' : ''}`;
  const end = kills ? 'killed without a SIGTERM' : 'left running';
  return `${launcher} does not forward SIGTERM, so the app is ${end}`;
}

/** The file name without a version: `node` for /usr/bin/node22, `nodejs` for nodejs-20.1. */
function nameOf(command: string): string {
  return baseName(command).replace(/[-.]?\d[\d.]*$/, '');
}

/** The tool that a Node script belongs to: `npm` for /usr/lib/node_modules/npm/bin/npm-cli.js. */
function toolOf(script: string): string {
  return baseName(script).replace(/(-cli)?(\.[cm]?js)?$/, '');
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
