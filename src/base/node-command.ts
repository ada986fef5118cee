/** What can be told of a command by its words: whether it is Node, and whether it runs the app itself. */

/**
 * Whether the command is Node itself, which resets the signals that it was started to ignore, and raises its soft limit
 * of open files (PlatformInit of its src/node.cc).
 */
export function isNode(command: string): boolean {
  return /^(node|nodejs)([-.]?\d[\d.]*)?$/.test(baseName(command));
}

/**
 * Whether the command is a runtime that opens the IPC channel it is given. npm, npx and the like start the app as a
 * child of their own and do not pass the channel on.
 */
export function isNodeRuntime(command: string): boolean {
  return /^(node|nodejs|bun|tsx)([-.]?\d[\d.]*)?$/.test(baseName(command));
}

/** Node programs, and options of Node's own, that start the app as a child, which would hide how the app is. */
const RUNNERS = /^(npm|npx|pnpm|pnpx|yarn|yarnpkg|corepack|tsx|nodemon|pm2|pm2-runtime|forever)(-cli)?(\.[cm]?js)?$/;
const RUNS_ANOTHER = /^--(watch(-path)?|run|test)(=|$)/;

/** What of a command line would run instead of the app; undefined where it is Node and a script. */
export function runnerIn([command = '', ...args]: readonly string[]): string | undefined {
  if (!isNode(command)) return command;
  const options = nodeOptions(args);
  const option = options.find((word) => RUNS_ANOTHER.test(word));
  if (option !== undefined) return `${command} ${option}`;
  const script = args[options.length];
  return script !== undefined && RUNNERS.test(baseName(script)) ? script : undefined;
}

/** Of the words behind `node` those in front of the script, or of an option's value that stands apart. */
export function nodeOptions(args: readonly string[]): readonly string[] {
  const script = args.findIndex((word) => !word.startsWith('-'));
  return script < 0 ? args : args.slice(0, script);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
