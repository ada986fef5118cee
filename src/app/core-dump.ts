/**
 * If the app dumped core, the wrapper must dump core too: systemd then reports Result=core-dump (systemd.service(5)).
 * The wrapper's core must be small and must not overwrite the app's core.
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

/** Call it before the wrapper raises `signal` on itself. A failure here costs disk space, never the exit status. */
export function makeCoreSmall(signal: string, env: NodeJS.ProcessEnv): void {
  if (!DUMPING.has(signal)) return;
  try {
    if (limitOf('self', 'Max core file size')?.soft === 0) return;
    // core(5): no memory, only the registers; about 70 kB instead of 50 MB
    writeFileSync('/proc/self/coredump_filter', '0');
    // core_pattern may contain the name (%e)
    process.title = 'sd-ready-wrap';
    if (!coresShareOneName()) return;
    // throws if the app could not write its core here: then the wrapper must not leave one either
    accessSync('.', constants.W_OK);
    leaveDirectory(env);
  } catch {
    // a read-only /proc, or a directory that is not writable: the core fails as the app's did
  }
}

/** Whether all cores in one directory get the same name, which is the kernel's default (core(5)). */
function coresShareOneName(): boolean {
  const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
  if (/^[|/]|%[pPiI]/.test(pattern)) return false;
  return readFileSync('/proc/sys/kernel/core_uses_pid', 'utf8').trim() === '0';
}

/**
 * Changes to a private directory. Its name depends on the current directory, so that repeated crashes do not fill the
 * disk; if another user has taken the name, a new one is made. Last resort: a directory where no core can be written.
 */
function leaveDirectory(env: NodeJS.ProcessEnv): void {
  const { dev, ino } = statSync('.');
  const uid = process.getuid?.();
  for (const parent of runtimeDirectories(env)) {
    const entered = orElse(() => {
      refuseChangeable(parent);
      const usual = join(realpathSync(parent), `sd-ready-wrap-core-${uid}-${dev}-${ino}`);
      withUmask(0o077, () => mkdirSync(usual, { recursive: true }));
      process.chdir(usual);
      // checked from inside, because the current directory cannot be replaced; a symbolic link could even lead back
      const found = statSync('.');
      return process.cwd() === usual && found.uid === uid && (found.mode & 0o022) === 0;
    }, false);
    if (entered || orElse(() => process.chdir(makePrivateDirectory(parent).path) === undefined, false)) return;
  }
  process.chdir('/proc/self');
}
