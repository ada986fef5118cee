/** Whether a process runs, by its pid. */
import { entriesOf } from '../base/files.ts';
import { processExists, procText, statFields } from '../base/proc.ts';

/** False from the moment of its death, also while nobody has waited for it yet. */
export function isRunning(pid: number): boolean {
  return processExists(pid) && !isEnded(pid);
}

/** PF_EXITING of the kernel's sched.h, in the flags of a stat file. */
const EXITING = 0x4;
/** SIGKILL in a mask of signals. */
const KILLED = 1n << 8n;

/**
 * Whether it has ended and was not waited for yet, or is just doing so: `Z` behind the name in /proc/PID/stat, or its
 * flags (proc(5)). Where only its main thread has (pthread_exit(3)), that one is a zombie and the others live.
 */
export function isEnded(pid: number): boolean {
  const stat = statFields(pid);
  // hidden from us by ProtectProc=: then its exit event is all there is
  if (!stat || !isEnding(stat)) return false;
  return entriesOf(`/proc/${pid}/task`).every(({ name }) => name === String(pid) || isThreadEnding(pid, name));
}

function isEnding([state = '', , , , , , flags]: readonly string[]): boolean {
  return /[ZX]/.test(state) || (Number(flags) & EXITING) !== 0;
}

/** As a process ends, each of its threads is killed (exit_group(2)), and takes a moment. */
function isThreadEnding(pid: number, thread: string): boolean {
  const stat = statFields(pid, `task/${thread}/stat`);
  const status = procText(pid, `task/${thread}/status`);
  // gone
  if (!stat || status === undefined || isEnding(stat)) return true;
  const pending = /^SigPnd:\s*([\da-f]+)/m.exec(status)?.[1] ?? '0';
  return (BigInt(`0x${pending}`) & KILLED) !== 0n;
}
