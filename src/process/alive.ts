/** Whether a process runs, by its pid. */
import { readdirSync, readFileSync } from 'node:fs';

/** False from the moment of its death, also while nobody has waited for it yet. */
export function isRunning(pid: number): boolean {
  return exists(pid) && !isZombie(pid);
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
 * Whether it has ended and was not waited for yet: `Z` behind the name in /proc/PID/stat (proc(5)). Where only its
 * main thread has (pthread_exit(3)), that one is a zombie and the others live.
 */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return /^\) [ZX]/.test(stat.slice(stat.lastIndexOf(')'))) && readdirSync(`/proc/${pid}/task`).length < 2;
  } catch {
    // hidden from us by ProtectProc=: then its exit event is all there is
    return false;
  }
}
