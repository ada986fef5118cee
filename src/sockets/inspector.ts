/**
 * Where a Node process lets debuggers in: that port says nothing about the app (nodejs.org/api/cli.html, --inspect).
 */
import { basename } from 'node:path';
import { isNode } from '../base/command-kind.ts';
import { procWords, programOf } from '../base/proc.ts';

/** Where SIGUSR1 opens one, in any Node. */
const DEFAULT = { host: '127.0.0.1', port: 9229 };

const FLAG = /^--(?:inspect(?:-brk|-wait|-port)?|debug-port)(?:=(.*))?$/;

/** Flags of Node whose value may be a word of its own; what is no flag and no such value is the script. */
const WITH_VALUE = new Set(
  (
    '-r --require --import --loader --experimental-loader -C --conditions --env-file --env-file-if-exists --title ' +
    '-e --eval -p --print -pe --input-type --inspect-port --debug-port --unhandled-rejections --disable-warning ' +
    '--dns-result-order --diagnostic-dir --redirect-warnings --max-http-header-size --icu-data-dir --openssl-config ' +
    '--tls-cipher-list --watch-path'
  ).split(' '),
);

/**
 * Whether a listening socket of the process is its debugger's: by its flags, else where SIGUSR1 opens one. Perhaps,
 * with `--inspect=0`, where any port will do: one of these is.
 *
 * @param startedBy its command line, where that is known and not only what the process shows of it
 */
export function isInspector(
  pid: number,
  host: string,
  port: number,
  startedBy?: readonly string[],
): boolean | 'perhaps' {
  const started = basename(startedBy?.[0] ?? '');
  // hidden from us: its own name for itself has to do
  const program = programOf(pid) ?? basename(procWords(pid, 'cmdline')[0] ?? '');
  if (!isNode(program || started)) return false;
  const words = isNode(started) ? startedBy : procWords(pid, 'cmdline');
  // the command line is stronger, and `--inspect` by itself leaves the port where another flag put it
  const found = [...nodeOptionsOf(pid), ...flagsOf(words?.slice(1) ?? [])].filter(Boolean).at(-1);
  if (found === undefined) return host === DEFAULT.host && port === DEFAULT.port;
  // [host:]port, or a host alone
  const match = /^(?:(.*):)?(\d+)$/.exec(found);
  const wanted = match ? Number(match[2]) : DEFAULT.port;
  if (wanted !== 0) return port === wanted;
  return host === (match?.[1] || DEFAULT.host) && 'perhaps';
}

/** The values of the flags that name where the inspector listens: in front of the script those are Node's. */
function flagsOf(words: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] as string;
    if (!word.startsWith('-') || word === '--' || word === '-') break;
    const takesNext = WITH_VALUE.has(word);
    const match = FLAG.exec(word);
    if (match) found.push(match[1] ?? (takesNext ? (words[index + 1] ?? '') : ''));
    if (takesNext) index += 1;
  }
  return found;
}

function nodeOptionsOf(pid: number): readonly string[] {
  const variable = procWords(pid, 'environ').find((word) => word.startsWith('NODE_OPTIONS='));
  return flagsOf(variable?.slice('NODE_OPTIONS='.length).trim().split(/\s+/) ?? []);
}
