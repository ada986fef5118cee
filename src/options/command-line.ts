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
    .description(HELP_START)
    .usage('[options] [--] <command> [args...]')
    .argument('[command...]')
    // options end at the first word that is not an option; the rest belongs to the app
    .passThroughOptions()
    .addHelpText('after', HELP_END)
    .configureHelp({
      visibleArguments: () => [],
      padWidth: () => TERM_WIDTH,
      // a long option gets a line of its own, so that the other texts have room
      formatItem: (term, width, text, helper) => {
        const indent = ' '.repeat(width + 4);
        const lines = helper.boxWrap(text, HELP_WIDTH - indent.length).replaceAll('\n', `\n${indent}`);
        return term.length > width ? `  ${term}\n${indent}${lines}` : `  ${term.padEnd(width)}  ${lines}`;
      },
    })
    .configureOutput({
      writeOut: (text) => {
        printed += text;
      },
      writeErr: (text) => {
        complaint += text;
      },
      getOutHelpWidth: () => HELP_WIDTH,
    })
    .exitOverride();
  for (const row of OPTION_TABLE) program.addOption(toCommander(row, options));
  program
    .optionsGroup('Help:')
    .version(version, '--version', 'print the versions of sd-ready-wrap, Node and systemd, and how systemd is notified')
    .helpOption('-h, --help', 'print this help');
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
      const hint = example(row.name, { place, text });
      throw new UsageError(place, `its value is missing${why}`, text === '--' ? `${UNSET}; ${hint}` : hint);
    }
    if (text === '') {
      throw new UsageError(place, 'its value is empty', `${UNSET}; ${example(row.name, { place, text })}`);
    }
    keep(into, row, { place, text });
    return text;
  };
  return row.value ? option.argParser(take) : option.argParser(() => take(true));
}

const UNSET = 'if a variable is written there, it may not be set';

/** Turns commander's error into ours. */
function usageError(error: CommanderError, complaint: string): UsageError {
  const subject = /'(--?[^\s'=]+)/.exec(error.message)?.[1] ?? '<options>';
  const row = OPTION_TABLE.find((candidate) => `--${candidate.name}` === subject);
  if (error.code === 'commander.optionMissingArgument' && row) {
    return new UsageError(subject, 'its value is missing', example(row.name, { place: subject, text: '' }));
  }
  if (error.code === 'commander.unknownOption' && row) {
    return new UsageError(subject, 'takes no value', `write ${subject} alone, or remove it`);
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
        : "see sd-ready-wrap --help; write the app's own options after its name, e.g. sd-ready-wrap --tcp 3000 -- " +
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

/** The columns of `--help`, and of its left side. */
const HELP_WIDTH = 80;
const TERM_WIDTH = 25;

/** With the usage line it fits into the 24 lines of a terminal. commander does not wrap indented lines. */
const HELP_START = `Starts an unchanged app under systemd, waits until it is ready, sends READY=1.
Without a probe: ready when the app listens on a TCP port or sends READY=1.

Examples:
  ExecStart=sd-ready-wrap --tcp 3000 -- node /srv/app/server.js   in a unit file
  $ sd-ready-wrap --dry-run --tcp 3000 -- node server.js      try it in a shell
  $ sd-ready-wrap --print-unit --tcp 3000 -- node server.js   print a unit file

Most used options:
  --tcp 3000, --listen any, --http URL, --unix PATH    the app serves
  --stdout REGEX, --stderr REGEX                       the app logs a line
  --notify, --ipc, --fd N, --file PATH, --exec COMMAND the app reports it
  --timeout 1min                                       start timeout
  --watchdog loop, --handoff, --take-sockets           after the start
  --print-drop-in UNIT                                 for an existing unit

All options follow, then exit statuses: sd-ready-wrap --help | less
A TIME is a systemd time span: 90, 500ms, 1min 30s.`;

/** In the form that help2man(1) turns into sections. */
const HELP_END = `
Exit status:
  any  the app's own; if a signal killed the app, the wrapper dies by the same
       signal
  ${EXIT.NOT_READY}  not ready within --timeout; the app was stopped
  ${EXIT.OWN_FAILURE}  failure of the wrapper: wrong options, unusable notify socket, a bug
  ${EXIT.CANNOT_EXECUTE}  the command cannot be executed
  ${EXIT.NOT_FOUND}  the command was not found

Environment:
  Each option is also a variable: ${variableOf('tcp')}=3000 for --tcp 3000. Several
  values of an option are written one per line. The command line wins.
`;
