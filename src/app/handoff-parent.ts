/**
 * A process between the wrapper and the app, for `--handoff`: unshare(1) without namespaces to unshare forks, waits,
 * and ends as its child did. While it runs, the wrapper learns how the app ended. When it is killed, the app becomes an
 * orphan and so the manager's own child, before it is named as the main process. A main process that is still the
 * wrapper's child would be killed at a stop without being waited for (unit_kill_context() in systemd's unit.c).
 */
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { commandPath } from '../base/command-path.ts';
import type { ExitStatus } from '../base/exit-status.ts';
import { limitOf, parentOf, procText } from '../base/proc.ts';
import { pause } from '../base/real-clock.ts';
import { isRunning } from '../sockets/alive.ts';
import { type Descent, PRELUDE_PROGRAMS } from './prelude.ts';

/** ms between two checks whether an orphaned app still runs: the kernel does not report its end to the wrapper. */
const POLL_INTERVAL = 50;

/** Paths of the programs, from util-linux. */
export interface ParentPrograms {
  readonly unshare: string;
  readonly setsid: string;
}

/** @throws {NodeJS.ErrnoException} if a program is missing or may not be executed */
export function parentPrograms(env: Readonly<Record<string, string>>): ParentPrograms {
  // the child needs these before it becomes the app
  for (const program of PRELUDE_PROGRAMS) commandPath(program, env);
  return { unshare: commandPath('unshare', env), setsid: commandPath('setsid', env) };
}

/** @param spare a free descriptor for the app's stderr; the wrapper reads the parent's own stderr for its errors */
export function descent({ setsid }: ParentPrograms, spare: number): Descent {
  // a shell redirects only descriptors of one digit
  return { setsid, stderrAt: spare < 10 ? spare : undefined, cores: softCoreLimit() };
}

/** The command line of the parent. The parent dies as the app does, and must not overwrite the app's core. */
export function parentLine(
  { unshare }: ParentPrograms,
  { cores }: Descent,
  [command, args]: readonly [string, readonly string[], ...unknown[]],
): readonly [string, readonly string[]] {
  const words = ['--fork', '--', command, ...args];
  if (cores === undefined) return [unshare, words];
  return ['/bin/sh', ['-c', 'ulimit -S -c 0; exec "$@"', 'sh', unshare, ...words]];
}

/** The wrapper's soft limit, in the blocks of 512 bytes that ulimit uses; undefined if it forbids cores. */
function softCoreLimit(): string | undefined {
  const limit = limitOf('self', 'Max core file size')?.soft;
  if (!limit) return undefined;
  return limit === Infinity ? 'unlimited' : String(Math.floor(limit / 512));
}

export interface Descendant {
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  /**
   * Kills the parent, so that the app becomes the manager's child.
   * @returns why it did not; undefined for success
   */
  orphan(): Promise<string | undefined>;
}

/**
 * Waits for the parent to fork.
 * @throws {Error} with the parent's stderr if it failed to fork
 */
export async function followChildOf(parent: ChildProcess, stderr: Readable | null): Promise<Descendant> {
  let stderrText = '';
  stderr?.setEncoding('utf8').on('data', (piece: string) => {
    stderrText = (stderrText + piece).slice(-1000);
  });
  let ended: ExitStatus | undefined;
  const parentExited = new Promise<ExitStatus>((resolve) => {
    parent.once('exit', async (code, signal) => {
      ended = signal === null ? { code: code ?? 0 } : { signal };
      // the pipe may still hold its last output
      if (stderr && !stderr.readableEnded) await new Promise((end) => stderr.once('close', end));
      resolve(ended);
    });
  });
  let pid = firstChildOf(parent.pid as number);
  while (pid === undefined && ended === undefined) {
    await pause(0);
    pid = firstChildOf(parent.pid as number);
  }
  if (pid === undefined) {
    const status = childStatus(await parentExited, stderrText);
    if (/^unshare: (?!sigprocmask)/m.test(stderrText)) throw new Error(stderrText.trim());
    // the app ended before its pid could be read
    return { pid: parent.pid as number, exited: Promise.resolve(status), orphan: async () => 'the app has ended' };
  }
  const child = pid;

  let orphanedByUs = false;
  const exited = parentExited.then(async (status): Promise<ExitStatus> => {
    if (!isRunning(child)) return orphanedByUs ? { code: 1, guessed: true } : childStatus(status, stderrText);
    // an orphan, made by orphan() or by a signal to the whole unit: only the manager gets its exit status
    while (isRunning(child)) await pause(POLL_INTERVAL);
    return orphanedByUs ? { code: 1, guessed: true } : { ...status, guessed: true };
  });
  return {
    pid: child,
    exited,
    async orphan() {
      if (procText(child, 'cgroup') !== procText('self', 'cgroup')) return 'the app has moved to another cgroup';
      orphanedByUs = ended === undefined;
      parent.kill('SIGKILL');
      await parentExited;
      const adopter = parentOf(child);
      return adopter === undefined || adopter === process.ppid ? undefined : `pid ${adopter} has adopted the app`;
    },
  };
}

/**
 * If SIGKILL ended the child, unshare of util-linux 2.37 and 2.38 cannot raise it on itself: it exits with 1 and an
 * error message (https://github.com/util-linux/util-linux/pull/2617).
 */
function childStatus(status: ExitStatus, stderrText: string): ExitStatus {
  return 'code' in status && status.code === 1 && stderrText.includes('sigprocmask') ? { signal: 'SIGKILL' } : status;
}

function firstChildOf(pid: number): number | undefined {
  return Number(procText(pid, `task/${pid}/children`)?.split(' ')[0]) || undefined;
}
