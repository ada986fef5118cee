/** The drop-in that starts an existing service by the wrapper, as text: what `--print-drop-in` prints. */
import { DROP_IN } from './existing-service.ts';
import { environmentWord, execPath, execWord, movedPath, type Specifiers } from './quoting.ts';
import { UnwritablePath } from './service-file.ts';

export interface DropInFacts extends Specifiers {
  readonly version: string;
  /** With `.service`; undefined where it is not known. */
  readonly unit: string | undefined;
  readonly manager: 'system' | 'user';
  /** Of the unit as it is. */
  readonly type: string;
  /** In front of the path of its command: some of `- : + !`. */
  readonly prefixes: string;
  /** What runs the wrapper: its own absolute path, or that of a node and then its own. */
  readonly wrapper: readonly string[];
  /** Its options, as words. */
  readonly options: readonly string[];
  /** What the program finds as its own name, if that is not its path: as it was written. */
  readonly argv0: string | undefined;
  readonly path: string;
  /** As they were written. */
  readonly args: readonly string[];
  readonly environment: readonly (readonly [name: string, value: string])[];
}

/** @throws {UnwritablePath} */
export function dropIn(facts: DropInFacts): string {
  const { type } = facts;
  return [
    ...heading(facts),
    '[Service]',
    `# systemctl start waits for READY=1: systemd.service(5), sd_notify(3). Before: Type=${type}`,
    type === 'notify-reload' ? `Type=${type}` : 'Type=notify',
    '# Only the main process may send READY=1: sd-ready-wrap',
    'NotifyAccess=main',
    ...facts.environment.map(([name, value]) => `Environment=${environmentWord(name, value, facts)}`),
    "# The first line removes the unit's command, the second starts it through sd-ready-wrap",
    'ExecStart=',
    `ExecStart=${commandLine(facts)}`,
    '',
  ].join('\n');
}

function heading({ version, unit, manager }: DropInFacts): readonly string[] {
  const systemctl = manager === 'user' ? 'systemctl --user' : 'systemctl';
  const units = manager === 'user' ? '~/.config/systemd/user' : '/etc/systemd/system';
  const name = unit ?? 'UNIT.service';
  // a template itself is not started
  const started = name.replace('@.service', '@*.service');
  return [
    `# Printed by sd-ready-wrap ${version}.`,
    `# Install: save as ${units}/${name}.d/${DROP_IN},`,
    `#          then: ${systemctl} daemon-reload && ${systemctl} restart '${started}'`,
    '# Undo:    remove this file, then run the same two commands',
  ];
}

function commandLine(facts: DropInFacts): string {
  const [runner = '', ...rest] = facts.wrapper;
  const written = execPath(runner, facts);
  if (written === undefined) throw new UnwritablePath(runner);
  const variables = !facts.prefixes.includes(':');
  const argv0 = facts.argv0 === undefined ? [] : ['--argv0', facts.argv0];
  return [
    withPrefixes(facts.prefixes, written),
    ...rest.map((word) => execWord(word, { template: false }, variables)),
    ...argv0,
    ...facts.options.map((word) => execWord(word, facts, variables)),
    '--',
    movedPath(facts.path, variables),
    ...facts.args,
  ].join(' ');
}

/** They are read once the quotes are gone (config_parse_exec() in systemd's source), and stand well inside of them. */
function withPrefixes(prefixes: string, path: string): string {
  const quote = /^['"]/.exec(path)?.[0] ?? '';
  return `${quote}${prefixes}${path.slice(quote.length)}`;
}
