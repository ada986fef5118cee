/** The command line, read by commander: the only file that imports it. Rules of ours that it does not have stand here. */
import { Command, CommanderError, Option } from 'commander';
import type { RawOptions, RawValue } from '../core/config.ts';
import { UsageError } from '../core/errors.ts';
import { EXIT } from '../core/exit-status.ts';
import { OPTION_TABLE, type OptionName, type OptionRow } from '../core/option-table.ts';
import { variableOf } from './environment-options.ts';

/** What the command line asks for: to run something, or to print a text and exit 0. */
export type Invocation =
  | { readonly type: 'run'; readonly options: RawOptions; readonly words: readonly string[] }
  | { readonly type: 'print'; readonly text: string };

/**
 * @param argv without the runtime and the script
 * @throws {UsageError} for an unknown option and the like
 */
export function readCommandLine(argv: readonly string[], version: string): Invocation {
  const options: Partial<Record<OptionName, RawValue[]>> = {};
  let printed = '';
  let complaint = '';
  const program = new Command('sd-ready-wrap')
    .description('Starts an unchanged app, waits until it really is ready, then tells systemd READY=1.')
    .usage('[options] [--] <command> [args...]')
    .argument('[command...]')
    // options end at the first word that is not one; what follows belongs to the app
    .passThroughOptions()
    .helpOption('-h, --help', 'this text')
    .version(version, '--version', 'the version')
    .addHelpText('after', helpEnd())
    .configureHelp({ visibleArguments: () => [], minWidthToWrap: 30 })
    .configureOutput({
      writeOut: (text) => {
        printed += text;
      },
      writeErr: (text) => {
        complaint += text;
      },
      getOutHelpWidth: () => 80,
    })
    .exitOverride();
  for (const row of OPTION_TABLE) program.addOption(toCommander(row, options));
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { type: 'print', text: printed };
    throw usageError(error, complaint);
  }
  return { type: 'run', options, words: program.args };
}

function toCommander(row: OptionRow & { name: OptionName }, into: Partial<Record<OptionName, RawValue[]>>): Option {
  const place = `--${row.name}`;
  const option = new Option(row.value ? `${place} <${row.value}>` : place, row.help).helpGroup(`${row.group}:`);
  const keep = (text: string | true) => {
    if (typeof text === 'string' && text.startsWith('--')) {
      throw new UsageError(
        place,
        `its value is missing (${text} looks like an option)`,
        `write e.g. ${place} ${row.example}`,
      );
    }
    const value = { place, text };
    into[row.name] = row.repeats ? [...(into[row.name] ?? []), value] : [value];
    return text;
  };
  return row.value ? option.argParser(keep) : option.argParser(() => keep(true));
}

/** commander's complaint in the form of ours. */
function usageError(error: CommanderError, complaint: string): UsageError {
  const subject = /'(--?[^\s'=]+)/.exec(error.message)?.[1] ?? '<options>';
  const row = OPTION_TABLE.find((candidate) => `--${candidate.name}` === subject);
  if (error.code === 'commander.optionMissingArgument' && row) {
    return new UsageError(subject, 'its value is missing', `write e.g. ${subject} ${row.example}`);
  }
  if (error.code === 'commander.unknownOption' && row) {
    return new UsageError(subject, 'a switch, which takes no value', `write ${subject} alone, or leave it out`);
  }
  if (error.code === 'commander.unknownOption') {
    const similar = /Did you mean ((?:one of )?--[^?]+)\?/.exec(`${error.message}${complaint}`)?.[1];
    return new UsageError(
      subject,
      'no such option',
      similar
        ? `did you mean ${similar}?`
        : "see sd-ready-wrap --help; the app's own options follow its name, e.g. sd-ready-wrap --tcp 3000 -- node app.js",
    );
  }
  return new UsageError(subject, error.message.replace(/^error: /, ''), 'see sd-ready-wrap --help, e.g. --tcp 3000');
}

function helpEnd(): string {
  return `
Every option is an environment variable too: ${variableOf('tcp')}=3000
for --tcp 3000. Several values stand one a line; the command line wins.
Times are systemd time spans: 90, 500ms, 1min 30s.

Exit status: the app's own, and
  ${EXIT.NOT_READY}  not ready within --timeout; the app was stopped
  ${EXIT.OWN_FAILURE}  the wrapper's own failure: usage, an unusable notify socket, a bug
  ${EXIT.CANNOT_EXECUTE}  the command cannot be executed
  ${EXIT.NOT_FOUND}  the command was not found
When a signal ended the app, the wrapper dies of the same signal.

Examples:
  sd-ready-wrap --tcp 3000 -- node app.js
  sd-ready-wrap --stdout 'listening on' --timeout 1min -- node app.js
  sd-ready-wrap --ipc -- node app.js
`;
}
