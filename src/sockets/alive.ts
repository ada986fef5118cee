/** Whether a process runs, by its pid. */
import { readdirSync, readFileSync } from 'node:fs';

/** False from the moment of its death, also while nobody has waited for it yet. */
export function isRunning(pid: number): boolean {
  return exists(pid) && !isEnded(pid);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and not ours to signal
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/**
 * Whether it has ended and was not waited for yet, or is just doing so: `Z` behind the name in /proc/PID/stat, or its
 * flags (proc(5)). Where only its main thread has (pthread_exit(3)), that one is a zombie and the others live.
 */
export function isEnded(pid: number): boolean {
  try {
    const [state = '', , , , , , flags] = behindName(`/proc/${pid}`).split(' ');
    if (!/[ZX]/.test(state) && (Number(flags) & EXITING) === 0) return false;
    const others = readdirSync(`/proc/${pid}/task`).filter((thread) => thread !== String(pid));
    return others.every((thread) => isEnding(`/proc/${pid}/task/${thread}`));
  } catch {
    // hidden from us by ProtectProc=: then its exit event is all there is
    return false;
  }
}

/** PF_EXITING of the kernel's sched.h, in the flags of a stat file. */
const EXITING = 0x4;
/** SIGKILL in a mask of signals. */
const KILLED = 1n << 8n;

/**
 * Whether a thread ends, or is about to: as a process ends, each of its threads is killed (exit_group(2)), and takes a
 * moment.
 */
function isEnding(task: string): boolean {
  try {
    const [state = '', , , , , , flags] = behindName(task).split(' ');
    if (/[ZX]/.test(state) || (Number(flags) & EXITING) !== 0) return true;
    const pending = /^SigPnd:\s*([\da-f]+)/m.exec(readFileSync(`${task}/status`, 'latin1'))?.[1] ?? '0';
    return (BigInt(`0x${pending}`) & KILLED) !== 0n;
  } catch {
    // gone
    return true;
  }
}

/** The fields of a stat file from the state on. */
function behindName(task: string): string {
  const stat = readFileSync(`${task}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2);
}
