/**
 * The app dumped core, and so must we, for systemd to say Result=core-dump (systemd.service(5)): but there is nothing
 * to be learned from our memory, and the app's core must not be overwritten with it.
 */
import { accessSync, constants, lstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { limitOf } from '../base/proc.ts';
import { runtimeDirectories } from '../base/runtime-directories.ts';

/** The signals that dump core by default, signal(7). */
const DUMPING: ReadonlySet<string> = new Set([
  ...['SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV', 'SIGXCPU', 'SIGXFSZ', 'SIGSYS'],
]);

/** Before that signal is raised on ourselves. What fails here costs some disk, and never the exit status. */
export function makeCoreSmall(signal: string, env: NodeJS.ProcessEnv): void {
  if (!DUMPING.has(signal)) return;
  try {
    if (limitOf('self', 'Max core file size')?.soft === 0) return;
    // core(5): no memory at all, only the registers; some 70 kB instead of 50 MB
    writeFileSync('/proc/self/coredump_filter', '0');
    // by its name, where that is a part of the core's
    process.title = 'sd-ready-wrap';
    if (!sharesItsName()) return;
    // where the app could not leave one, we must not either: that throws
    accessSync('.', constants.W_OK);
    process.chdir(ownDirectory(env));
  } catch {
    // a read-only /proc, no place to write to: there ours fails as the app's did
  }
}

/** Whether each process in a directory has the same name for its core, as the kernel's default is (core(5)). */
function sharesItsName(): boolean {
  const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
  if (/^[|/]|%[pPiI]/.test(pattern)) return false;
  return readFileSync('/proc/sys/kernel/core_uses_pid', 'utf8').trim() === '0';
}

/**
 * One for each directory that apps dump core in, so that crashes do not fill the disk, and none waits for another's.
 */
function ownDirectory(env: NodeJS.ProcessEnv): string {
  const uid = process.getuid?.();
  const [parent = '/tmp'] = runtimeDirectories(env);
  const { dev, ino } = statSync('.');
  const path = join(parent, `sd-ready-wrap-core-${uid}-${dev}-${ino}`);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const found = lstatSync(path);
  if (!found.isDirectory() || found.uid !== uid) throw new Error(`${path} is somebody else's`);
  return path;
}
