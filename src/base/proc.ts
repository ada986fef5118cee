/**
 * What the kernel reports about a process (proc(5)). Undefined if the process has ended or is hidden (hidepid= in
 * proc(5), ProtectProc= in systemd.exec(5)).
 */
import { readlinkSync } from 'node:fs';
import { uptime } from 'node:os';
import { basename } from 'node:path';
import { otherService } from './cgroup.ts';
import { entriesOf, readText } from './files.ts';
import { oneLine } from './one-line.ts';
import { orElse } from './or-else.ts';

export type Pid = number | 'self';

/** @param file in /proc/PID: `status`, `task/7/status` */
export function procText(pid: Pid, file: string): string | undefined {
  return readText(`/proc/${pid}/${file}`);
}

export function procWords(pid: Pid, file: 'cmdline' | 'environ'): readonly string[] {
  return procText(pid, file)?.split('\0') ?? [];
}

/**
 * The fields after the name: state, parent, process group and so on. The name may contain any characters.
 * @param file `task/7/stat` for a thread
 */
export function statFields(pid: Pid, file = 'stat'): readonly string[] | undefined {
  const stat = procText(pid, file);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/**
 * As in proc(5): `R` runs or waits for a core, `T` is stopped.
 * @param file as for {@link statFields}
 */
export function stateOf(pid: Pid, file = 'stat'): string | undefined {
  return statFields(pid, file)?.[0];
}

/** The states of our threads, without the main one. Not by process.pid: /proc may be of another PID namespace. */
export function statesOfOtherThreads(): readonly (string | undefined)[] {
  const main = orElse(() => readlinkSync('/proc/self'), '');
  const threads = entriesOf('/proc/self/task').filter(({ name }) => name !== main);
  return threads.map(({ name }) => stateOf('self', `task/${name}/stat`));
}

/** CPU time of a process's main thread so far, ms. */
export interface Scheduling {
  readonly ran: number;
  /** Time runnable without a core. Does not include a wait that lasts on. */
  readonly waited: number;
  /** It runs, or waits for a core. */
  readonly runnable: boolean;
}

/** From /proc/PID/schedstat (Documentation/scheduler/sched-stats.rst of Linux); undefined if the kernel lacks it. */
export function schedulingOf(pid: Pid): Scheduling | undefined {
  const [ran = 0, waited = 0, slices = 0] = procText(pid, 'schedstat')?.split(' ').map(Number) ?? [];
  const state = stateOf(pid);
  if (slices === 0 || state === undefined) return undefined;
  return { ran: ran / 1e6, waited: waited / 1e6, runnable: state === 'R' };
}

/** The position of starttime (proc(5)) in statFields(). */
const START_TIME = 19;

/**
 * The time since our process was forked, ms: on a busy machine seconds more than process.uptime(), which begins when
 * Node does. starttime is in ticks of 10 ms since the boot.
 */
export function ownAge(): number {
  const started = Number(statFields('self')?.[START_TIME]);
  return Number.isNaN(started) ? process.uptime() * 1000 : uptime() * 1000 - started * 10;
}

export function parentOf(pid: Pid): number | undefined {
  const parent = statFields(pid)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

/** True also for zombies and hidden processes. */
export function processExists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The file name of its program. */
export function programOf(pid: Pid): string | undefined {
  return orElse(() => basename(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '')), undefined);
}

/** For people: `nginx (pid 77)`, or `nginx (pid 77, web.service)` for a service that is not ours. */
export function describeProcess(pid: number): string {
  const name = oneLine(procText(pid, 'comm')?.trim() ?? 'a program');
  const service = otherService(procText(pid, 'cgroup') ?? '', procText('self', 'cgroup') ?? '');
  // from 23 on Node names its main thread, and so the process: MainThread, node-MainThread
  const program = name.endsWith('MainThread') ? (programOf(pid) ?? name) : name;
  return `${program} (pid ${pid}${service === undefined ? '' : `, ${oneLine(service)}`})`;
}

/**
 * A limit of the process (setrlimit(2)); `Infinity` for unlimited.
 * @param name as in /proc/PID/limits: `Max open files`
 */
export function limitOf(pid: Pid, name: string): { readonly soft: number; readonly hard: number } | undefined {
  const words = new RegExp(`^${name} +(\\S+) +(\\S+)`, 'm').exec(procText(pid, 'limits') ?? '')?.slice(1);
  const [soft, hard] = words?.map((word) => (word === 'unlimited' ? Infinity : Number(word))) ?? [];
  return soft === undefined || hard === undefined ? undefined : { soft, hard };
}
