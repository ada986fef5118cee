/** What /proc knows of processes. */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';

function allPids(): number[] {
  return readdirSync('/proc').map(Number).filter(Boolean);
}

/** The one letter of proc(5): R, S, T for stopped, Z for a zombie. Undefined when it is gone. */
export function stateOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // behind the name, which may itself hold spaces and brackets
    return text[text.lastIndexOf(')') + 2];
  } catch {
    return undefined;
  }
}

/** Whether it runs: a zombie does not. */
export function isRunning(pid: number): boolean {
  const state = stateOf(pid);
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** Those of each of its threads, proc_pid_task(5). */
export function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** For one environment at a time: as much as execve(2) takes for all of it in the ordinary case. */
const ENVIRONMENT = Buffer.alloc(128 * 1024);

/**
 * The living processes whose environment holds `NAME=value`. Finds what a tree of parents does not: a process whose
 * parent is gone.
 */
export function pidsWithVariable(name: string, value: string): number[] {
  // each run of the wrapper asks this of all processes, so it reads without more ado
  const wanted = Buffer.from(`${name}=${value}\0`);
  return allPids().filter((pid) => {
    let fd: number | undefined;
    try {
      fd = openSync(`/proc/${pid}/environ`, 'r');
      const length = readSync(fd, ENVIRONMENT);
      const at = ENVIRONMENT.subarray(0, length).indexOf(wanted);
      return at === 0 || (at > 0 && ENVIRONMENT[at - 1] === 0);
    } catch {
      return false;
    } finally {
      if (fd !== undefined) closeSync(fd);
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
