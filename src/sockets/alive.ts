/** Whether a process runs, by its pid. */
import { entriesOf } from '../base/files.ts';
import { processExists, procText, statFields } from '../base/proc.ts';

/** False from the moment of its exit, also while it is a zombie. */
export function isRunning(pid: number): boolean {
  return processExists(pid) && !isEnded(pid);
}

/** PF_EXITING of the kernel's sched.h, in the flags of /proc/PID/stat. */
const EXITING = 0x4;
/** SIGKILL in a signal mask. */
const KILLED = 1n << 8n;

/**
 * Whether it is a zombie (`Z` after the name in /proc/PID/stat) or is exiting (by its flags there, proc(5)). If only
 * the main thread has ended (pthread_exit(3)), that thread is a zombie and the process lives.
 */
export function isEnded(pid: number): boolean {
  const stat = statFields(pid);
  // hidden by ProtectProc=: only its exit event can tell
  if (!stat || !isEnding(stat)) return false;
  return entriesOf(`/proc/${pid}/task`).every(({ name }) => name === String(pid) || isThreadEnding(pid, name));
}

function isEnding([state = '', , , , , , flags]: readonly string[]): boolean {
  return /[ZX]/.test(state) || (Number(flags) & EXITING) !== 0;
}

/** When a process exits, each of its threads gets a SIGKILL (exit_group(2)) and ends a moment later. */
function isThreadEnding(pid: number, thread: string): boolean {
  const stat = statFields(pid, `task/${thread}/stat`);
  const status = procText(pid, `task/${thread}/status`);
  // gone
  if (!stat || status === undefined || isEnding(stat)) return true;
  const pending = /^SigPnd:\s*([\da-f]+)/m.exec(status)?.[1] ?? '0';
  return (BigInt(`0x${pending}`) & KILLED) !== 0n;
}
