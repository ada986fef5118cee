/** Where a Node process lets debuggers in: that port says nothing about the app (nodejs.org/api/cli.html, --inspect). */
import { readFileSync } from 'node:fs';

const DEFAULT_PORT = 9229;

const FLAG = /^--(?:inspect(?:-brk|-wait|-port)?|debug-port)(?:=(.*))?$/;

/** The port of a process's inspector, should it have one: what its flags say, else what a SIGUSR1 opens. */
export function inspectorPort(pid: number): number {
  const flags = [...wordsOf(pid, 'cmdline'), ...nodeOptionsOf(pid)];
  const ports = flags.flatMap((flag) => {
    const match = FLAG.exec(flag);
    if (!match) return [];
    // [host:]port, or a host alone
    const port = /(?:^|:)(\d+)$/.exec(match[1] ?? '')?.[1];
    return port === undefined ? [] : [Number(port)];
  });
  return ports.at(-1) ?? DEFAULT_PORT;
}

function nodeOptionsOf(pid: number): readonly string[] {
  const variable = wordsOf(pid, 'environ').find((word) => word.startsWith('NODE_OPTIONS='));
  return variable?.slice('NODE_OPTIONS='.length).split(/\s+/) ?? [];
}

function wordsOf(pid: number, file: 'cmdline' | 'environ'): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
