/**
 * The app dumped core, and so must we, for systemd to say Result=core-dump (systemd.service(5)): but there is nothing
 * to be learned from our memory, and the app's core must not be overwritten with it.
 */
import { accessSync, constants, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from '../base/or-else.ts';
import { makePrivateDirectory, refuseChangeable, withUmask } from '../base/private-directory.ts';
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
    goElsewhere(env);
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
 * To a directory of ours: the same for each directory that apps dump core in, so that crashes do not fill the disk, and
 * a fresh one if another user has taken its name. Where there is none, to one where no core can be.
 */
function goElsewhere(env: NodeJS.ProcessEnv): void {
  const { dev, ino } = statSync('.');
  const uid = process.getuid?.();
  for (const parent of runtimeDirectories(env)) {
    const isThere = orElse(() => {
      refuseChangeable(parent);
      const usual = join(realpathSync(parent), `sd-ready-wrap-core-${uid}-${dev}-${ino}`);
      withUmask(0o077, () => mkdirSync(usual, { recursive: true }));
      process.chdir(usual);
      // what we are in now cannot be replaced any more; a link leads to a directory of ours as well, even the app's
      const found = statSync('.');
      return process.cwd() === usual && found.uid === uid && (found.mode & 0o022) === 0;
    }, false);
    if (isThere || orElse(() => process.chdir(makePrivateDirectory(parent).path) === undefined, false)) return;
  }
  process.chdir('/proc/self');
}
