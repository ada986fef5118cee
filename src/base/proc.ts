/**
 * What the kernel tells of a process, by its pid (proc(5)). Undefined where it has ended, or is hidden from us
 * (hidepid= there, ProtectProc= in systemd.exec(5)).
 */
import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { readText } from './files.ts';
import { oneLine } from './one-line.ts';
import { orElse } from './or-else.ts';

export type Pid = number | 'self';

/** @param file below /proc/PID: `status`, `task/7/status` */
export function procText(pid: Pid, file: string): string | undefined {
  return readText(`/proc/${pid}/${file}`);
}

export function procWords(pid: Pid, file: 'cmdline' | 'environ'): readonly string[] {
  return procText(pid, file)?.split('\0') ?? [];
}

/**
 * Its state, parent, group and so on: what stands behind its name, which may hold anything.
 * @param file that of one of its threads: `task/7/stat`
 */
export function statFields(pid: Pid, file = 'stat'): readonly string[] | undefined {
  const stat = procText(pid, file);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** How the first thread of a process has fared so far, ms. */
export interface Scheduling {
  readonly ran: number;
  /** For a core, while it could have run. A wait that is not over is not in it: then it is runnable. */
  readonly waited: number;
  /** It runs, or waits for a core. */
  readonly runnable: boolean;
}

/** By /proc/PID/schedstat (Documentation/scheduler/sched-stats.rst of Linux), where the kernel keeps that. */
export function schedulingOf(pid: Pid): Scheduling | undefined {
  const [ran = 0, waited = 0, slices = 0] = procText(pid, 'schedstat')?.split(' ').map(Number) ?? [];
  const state = statFields(pid)?.[0];
  if (slices === 0 || state === undefined) return undefined;
  return { ran: ran / 1e6, waited: waited / 1e6, runnable: state === 'R' };
}

export function parentOf(pid: Pid): number | undefined {
  const parent = statFields(pid)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

/** Also of one that has ended and was not waited for, and of one that is hidden. */
export function isThere(pid: number): boolean {
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

/** For people: `nginx (pid 77)`. */
export function describeProcess(pid: number): string {
  const name = oneLine(procText(pid, 'comm')?.trim() ?? 'a program');
  // Node from 23 on names its main thread, and with it the process: MainThread, node-MainThread
  return `${name.endsWith('MainThread') ? (programOf(pid) ?? name) : name} (pid ${pid})`;
}

/**
 * One of its limits (setrlimit(2)), `Infinity` where it has none.
 * @param name in /proc/PID/limits: `Max open files`
 */
export function limitOf(pid: Pid, name: string): { readonly soft: number; readonly hard: number } | undefined {
  const words = new RegExp(`^${name} +(\\S+) +(\\S+)`, 'm').exec(procText(pid, 'limits') ?? '')?.slice(1);
  const [soft, hard] = words?.map((word) => (word === 'unlimited' ? Infinity : Number(word))) ?? [];
  return soft === undefined || hard === undefined ? undefined : { soft, hard };
}
