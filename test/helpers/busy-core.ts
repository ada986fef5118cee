import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** @returns the first processor that this process may use */
export function firstCore(): string {
  return /^Cpus_allowed_list:\t(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
}

/** Keeps a core busy until it is disposed. */
export function busy(core: string): Disposable {
  const child = spawn('taskset', ['-c', core, 'perl', '-e', '1 while 1'], { stdio: 'ignore' });
  return { [Symbol.dispose]: () => child.kill('SIGKILL') };
}

/** Loops on any core, until they are disposed. */
export function busyLoops(count: number): Disposable {
  const loops = Array.from({ length: count }, () => spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }));
  return {
    [Symbol.dispose]() {
      for (const loop of loops) loop.kill('SIGKILL');
    },
  };
}
