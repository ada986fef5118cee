/** What /proc knows of processes. */
import { readdirSync, readFileSync } from 'node:fs';

interface Stat {
  readonly state: string;
  readonly ppid: number;
}

/** The fields behind the name, which may itself hold spaces and brackets (proc(5)). */
function stat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', ppid = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state, ppid: Number(ppid) };
  } catch {
    return undefined;
  }
}

function allPids(): number[] {
  return readdirSync('/proc').map(Number).filter(Boolean);
}

/** The one letter of proc(5): R, S, T for stopped, Z for a zombie. Undefined when it is gone. */
export function stateOf(pid: number): string | undefined {
  return stat(pid)?.state;
}

/** Whether it runs: a zombie does not. */
export function isRunning(pid: number): boolean {
  const state = stateOf(pid);
  return state !== undefined && state !== 'Z' && state !== 'X';
}

export function childrenOf(pid: number): number[] {
  return allPids().filter((each) => stat(each)?.ppid === pid);
}

/**
 * The living processes whose environment holds `NAME=value`. Finds what a tree of parents does not: a process whose
 * parent is gone.
 */
export function pidsWithVariable(name: string, value: string): number[] {
  return allPids().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${name}=${value}`);
    } catch {
      return false;
    }
  });
}

/** Ends one process, which may be gone already. */
export function killPid(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The name of its program, proc(5) comm. Undefined when it is gone. */
export function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}
