/**
 * A process between us and the app, for `--handoff`: unshare(1), asked to unshare nothing, forks, waits, and ends as
 * its child did. While it is there the app's true end reaches us; when it is killed the app is an orphan, and the
 * manager's own child, before it is named as the main process. One that is named while it is still our child is killed
 * at a stop without being waited for (unit_kill_context() in systemd's unit.c).
 */
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { commandPath } from '../base/command-path.ts';
import type { ExitStatus } from '../base/exit-status.ts';
import { limitOf, parentOf, procText } from '../base/proc.ts';
import { pause } from '../base/real-clock.ts';
import { isRunning } from '../sockets/alive.ts';
import { type Descent, PRELUDE_PROGRAMS } from './prelude.ts';

/** Between two looks at an app that nobody tells us the end of, ms. */
const LOOK_INTERVAL = 50;

/** util-linux's. */
export interface ParentPrograms {
  readonly unshare: string;
  readonly setsid: string;
}

/** @throws {NodeJS.ErrnoException} where there is no such program, or it may not be executed */
export function parentPrograms(env: Readonly<Record<string, string>>): ParentPrograms {
  // what the child does before it becomes the app
  for (const program of PRELUDE_PROGRAMS) commandPath(program, env);
  return { unshare: commandPath('unshare', env), setsid: commandPath('setsid', env) };
}

/** @param spare a free descriptor, for the app's stderr: that of its parent tells us what went wrong */
export function descent({ setsid }: ParentPrograms, spare: number): Descent {
  // shells know descriptors of one digit
  return { setsid, stderrAt: spare < 10 ? spare : undefined, cores: softCoreLimit() };
}

/** The command line of the parent of that command. It ends as the app does, and must not overwrite its core. */
export function parentLine(
  { unshare }: ParentPrograms,
  { cores }: Descent,
  [command, args]: readonly [string, readonly string[], ...unknown[]],
): readonly [string, readonly string[]] {
  const words = ['--fork', '--', command, ...args];
  if (cores === undefined) return [unshare, words];
  return ['/bin/sh', ['-c', 'ulimit -S -c 0; exec "$@"', 'sh', unshare, ...words]];
}

/** Ours, in the blocks of 512 bytes that ulimit counts in; undefined where there are no cores. */
function softCoreLimit(): string | undefined {
  const limit = limitOf('self', 'Max core file size')?.soft;
  if (!limit) return undefined;
  return limit === Infinity ? 'unlimited' : String(Math.floor(limit / 512));
}

export interface Descendant {
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  /**
   * Ends its parent, so that it is the manager's.
   * @returns why it is not, if it is not
   */
  orphan(): Promise<string | undefined>;
}

/** The one child of that parent, once it is there. Rejects with what the parent says where there will be none. */
export async function followChildOf(parent: ChildProcess, stderr: Readable | null): Promise<Descendant> {
  let said = '';
  stderr?.setEncoding('utf8').on('data', (piece: string) => {
    said = (said + piece).slice(-1000);
  });
  let ended: ExitStatus | undefined;
  const gone = new Promise<ExitStatus>((resolve) => {
    parent.once('exit', async (code, signal) => {
      ended = signal === null ? { code: code ?? 0 } : { signal };
      // its last words are in the pipe
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
    const status = truth(await gone, said);
    if (/^unshare: (?!sigprocmask)/m.test(said)) throw new Error(said.trim());
    // so short a life that nobody has seen it
    return { pid: parent.pid as number, exited: Promise.resolve(status), orphan: async () => 'the app has ended' };
  }
  const child = pid;

  let mine = false;
  const exited = gone.then(async (status): Promise<ExitStatus> => {
    if (!isRunning(child)) return mine ? { code: 1, guessed: true } : truth(status, said);
    // an orphan, by our will or by a signal that everybody got: the manager sees its end, and we only that it is gone
    while (isRunning(child)) await pause(LOOK_INTERVAL);
    return mine ? { code: 1, guessed: true } : { ...status, guessed: true };
  });
  return {
    pid: child,
    exited,
    async orphan() {
      if (procText(child, 'cgroup') !== procText('self', 'cgroup')) return 'the app has moved to another cgroup';
      mine = ended === undefined;
      parent.kill('SIGKILL');
      await gone;
      const adopter = parentOf(child);
      return adopter === undefined || adopter === process.ppid ? undefined : `pid ${adopter} has adopted the app`;
    },
  };
}

/**
 * unshare of util-linux 2.37 and 2.38 cannot raise SIGKILL on itself, exits with 1 and says so
 * (https://github.com/util-linux/util-linux/pull/2617).
 */
function truth(status: ExitStatus, said: string): ExitStatus {
  return 'code' in status && status.code === 1 && said.includes('sigprocmask') ? { signal: 'SIGKILL' } : status;
}

function firstChildOf(pid: number): number | undefined {
  return Number(procText(pid, `task/${pid}/children`)?.split(' ')[0]) || undefined;
}
