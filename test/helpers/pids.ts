/** Processes, from /proc. */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { constants } from 'node:os';

function allPids(): number[] {
  return readdirSync('/proc').map(Number).filter(Boolean);
}

/** The one letter of proc(5): R, S, T for stopped, Z for a zombie. Undefined if it is gone. */
export function stateOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // after the name, which may contain spaces and brackets
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

/** Whether it catches a signal: SigCgt of proc(5). */
export function handles(pid: number, signal: NodeJS.Signals): boolean {
  try {
    const caught = /^SigCgt:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
    return ((BigInt(`0x${caught}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}

/** The children of all its threads, proc_pid_task(5). */
export function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** A buffer for one environment at a time: the usual limit of execve(2) for all of it. */
const ENVIRONMENT = Buffer.alloc(128 * 1024);

/**
 * The living processes whose environment holds `NAME=value`. Unlike a tree of parents, this finds a process whose
 * parent is gone.
 */
export function pidsWithVariable(name: string, value: string): number[] {
  // each run of the wrapper reads this for all processes, so it must be fast
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

/** Ends one process, which may already be gone. */
export function killPid(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The name of its program, proc(5) comm. Undefined if it is gone. */
export function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}
