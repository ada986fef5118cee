/**
 * Parses the command line with commander: the only file that imports it. Our additional rules are here. Loaded only if
 * plain-line.ts cannot parse the line.
 */
import { Command, CommanderError, Option } from 'commander';
import { UsageError } from '../base/errors.ts';
import { EXIT } from '../base/exit-status.ts';
import { type KeptOptions, keep, type PlainLine } from './plain-line.ts';
import { example } from './raw.ts';
import { OPTION_TABLE, type Option as OptionRow } from './table.ts';
import { variableOf } from './variables.ts';

/** The requested action: run a command, or print a text or the versions and exit 0. */
export type Invocation =
  | ({ readonly type: 'run' } & PlainLine)
  | { readonly type: 'print'; readonly text: string }
  | { readonly type: 'version' };

/**
 * @param argv without the runtime and the script
 * @throws {UsageError} for an unknown option, a missing value and the like
 */
export function readCommandLine(argv: readonly string[], version: string): Invocation {
  const options: KeptOptions = {};
  let printed = '';
  let complaint = '';
  const program = new Command('sd-ready-wrap')
    .description(
      'Starts an unchanged app, waits until it really is ready, then tells systemd READY=1.\n\n' +
        'A TIME is a systemd time span: 90, 500ms, 1min 30s.',
    )
    .usage('[options] [--] <command> [args...]')
    .argument('[command...]')
    // options end at the first word that is not an option; the rest belongs to the app
    .passThroughOptions()
    .helpOption('-h, --help', 'this text')
    .version(version, '--version', 'the versions of this program, of Node and of systemd, and by what that is reached')
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
    if (error.code === 'commander.version') return { type: 'version' };
    if (error.exitCode === 0) return { type: 'print', text: printed };
    throw usageError(error, complaint);
  }
  return { type: 'run', options, words: program.args };
}

function toCommander(row: OptionRow, into: KeptOptions): Option {
  const place = `--${row.name}`;
  const option = new Option(row.value ? `${place} <${row.value}>` : place, row.help).helpGroup(`${row.group}:`);
  const take = (text: string | true) => {
    if (typeof text === 'string' && text.startsWith('--')) {
      const why = text === '--' ? '' : ` (${text} looks like an option)`;
      throw new UsageError(place, `its value is missing${why}`, example(row.name, { place, text }));
    }
    if (text === '') {
      const hint = 'a variable that stands there may not be set';
      throw new UsageError(place, 'its value is empty', `${hint}; ${example(row.name, { place, text })}`);
    }
    keep(into, row, { place, text });
    return text;
  };
  return row.value ? option.argParser(take) : option.argParser(() => take(true));
}

/** Turns commander's error into ours. */
function usageError(error: CommanderError, complaint: string): UsageError {
  const subject = /'(--?[^\s'=]+)/.exec(error.message)?.[1] ?? '<options>';
  const row = OPTION_TABLE.find((candidate) => `--${candidate.name}` === subject);
  if (error.code === 'commander.optionMissingArgument' && row) {
    return new UsageError(subject, 'its value is missing', example(row.name, { place: subject, text: '' }));
  }
  if (error.code === 'commander.unknownOption' && row) {
    return new UsageError(subject, 'a switch, which takes no value', `write ${subject} alone, or leave it out`);
  }
  if (error.code === 'commander.unknownOption') {
    const similar = suggestion(
      subject,
      /Did you mean ((?:one of )?--[^?]+)\?/.exec(`${error.message}${complaint}`)?.[1],
    );
    return new UsageError(
      subject,
      'no such option',
      similar
        ? `did you mean ${similar}?`
        : "see sd-ready-wrap --help; the app's own options follow its name, e.g. sd-ready-wrap --tcp 3000 -- " +
            'node app.js',
    );
  }
  return new UsageError(subject, error.message.replace(/^error: /, ''), 'see sd-ready-wrap --help, e.g. --tcp 3000');
}

/** Of several similar options the one with the same letters; for -v its usual meaning in other programs. */
function suggestion(written: string, similar: string | undefined): string | undefined {
  if (/^-v$/i.test(written)) return '--version';
  const letters = (word: string) => [...word].toSorted().join('');
  return similar?.match(/--[a-z-]+/g)?.find((name) => letters(name) === letters(written)) ?? similar;
}

/** In the form that help2man(1) turns into sections. */
function helpEnd(): string {
  return `
Exit status:
  any  the app's own; of the signal that ended the app the wrapper dies too
  ${EXIT.NOT_READY}  not ready within --timeout; the app was stopped
  ${EXIT.OWN_FAILURE}  the wrapper's own failure: usage, an unusable notify socket, a bug
  ${EXIT.CANNOT_EXECUTE}  the command cannot be executed
  ${EXIT.NOT_FOUND}  the command was not found

Environment:
  Every option is a variable too: ${variableOf('tcp')}=3000 for --tcp 3000. Of an
  option that may be given several times the values stand one a line. The
  command line wins.

Examples:
  $ sd-ready-wrap --tcp 3000 -- node app.js
  $ sd-ready-wrap --stdout 'listening on' --timeout 1min -- node app.js
  $ sd-ready-wrap --print-unit --ipc -- node app.js
`;
}
