/** Recognises the port of Node's inspector, which does not make the app ready (nodejs.org/api/cli.html, --inspect). */
import { basename } from 'node:path';
import { isNode, WITH_VALUE } from '../base/command-kind.ts';
import { procWords, programOf } from '../base/proc.ts';

/** The address that SIGUSR1 opens in any Node. */
const DEFAULT = { host: '127.0.0.1', port: 9229 };

const FLAG = /^--(?:inspect(?:-brk|-wait|-port)?|debug-port)(?:=(.*))?$/;

/**
 * Whether a listening socket of the process is its inspector's: by its flags, or else by the address that SIGUSR1
 * opens.
 *
 * @param startedBy the command line that started it, if known: a process can change the one in /proc
 * @returns `perhaps` with `--inspect=0`, which takes any free port
 */
export function isInspector(
  pid: number,
  host: string,
  port: number,
  startedBy?: readonly string[],
): boolean | 'perhaps' {
  const started = basename(startedBy?.[0] ?? '');
  // if /proc/PID/exe is hidden, the first word of its command line decides
  const program = programOf(pid) ?? basename(procWords(pid, 'cmdline')[0] ?? '');
  if (!isNode(program || started)) return false;
  const words = isNode(started) ? startedBy : procWords(pid, 'cmdline');
  // the command line wins over NODE_OPTIONS; a bare `--inspect` keeps the port of another flag
  const found = [...nodeOptionsOf(pid), ...flagsOf(words?.slice(1) ?? [])].filter(Boolean).at(-1);
  if (found === undefined) return host === DEFAULT.host && port === DEFAULT.port;
  // [host:]port, or host
  const match = /^(?:(.*):)?(\d+)$/.exec(found);
  const wanted = match ? Number(match[2]) : DEFAULT.port;
  if (wanted !== 0) return port === wanted;
  return host === (match?.[1] || DEFAULT.host) && 'perhaps';
}

/** The values of the flags that set the inspector's address. Only options before the script are Node's. */
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
