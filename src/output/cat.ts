/**
 * Takes us out of the way of a stream that nobody listens to any more: what the app writes goes through cat(1) from
 * then on, which reads the same socket that we read until then, and writes to the same place.
 *
 * - It is a shell first, which ignores all signals and waits until we have written what we have read, and then becomes
 *   cat: a signal for the whole unit does not end it, the end of the pipe does.
 * - We keep our own descriptor of the socket, and read it no more: Node stops that as it hands a stream to a child
 *   (https://nodejs.org/api/child_process.html#optionsstdio). With it cat is told to leave, see {@link Cat.leave}.
 */

import { spawn } from 'node:child_process';
import { closeSync, fstatSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import { isatty } from 'node:tty';
import { isExecutable } from '../base/command-path.ts';
import { reopen } from '../base/files.ts';
import { orElse } from '../base/or-else.ts';
import { procText } from '../base/proc.ts';
import { pause } from '../base/real-clock.ts';
import { noteOwnEpipe } from './sigpipe.ts';

const PROGRAMS = ['/bin/sh', '/bin/cat'] as const;

/** From telling cat to leave to telling it again, ms: it has to wait for its reader, perhaps for long. */
const TELL_AGAIN = { first: 20, longest: 1000 };

/** 9 and 19 cannot be ignored (signal(7)); 32 and 33 are the C library's own. */
const IGNORED = Array.from({ length: 64 }, (_, index) => index + 1).filter((n) => ![9, 19, 32, 33].includes(n));

const SCRIPT = `: 'sd-ready-wrap passes on what the app writes by this process'
trap '' ${IGNORED.join(' ')}; echo >&3; read -r x <&3; exec ${PROGRAMS[1]} 3<&-`;

/**
 * - `done`: the stream has ended, or its reader is gone.
 * - `full`: there was no room in the file for what it had read.
 * - `left`: it was told to leave, and another process holds the other end of the stream.
 * - `failed`: cat could not be started, or somebody killed it.
 */
export type CatEnd = 'done' | 'full' | 'left' | 'failed';

export interface Cat {
  /** Resolves once no signal can end it but SIGKILL: let it begin then. */
  readonly stands: Promise<void>;
  /** From now on it reads. Call it when all that was read before is written. */
  begin(): void;
  /** Ends it at once. */
  stop(): void;
  readonly ended: Promise<CatEnd>;
  /**
   * Makes it end when the socket is empty, also where somebody else holds the other end open. Resolves when it has.
   * @param most after so many bytes it is ended all the same
   */
  leave(most: number): Promise<CatEnd>;
}

/**
 * @param source is not to be read any more, unless this fails. Nothing may be in its buffer
 * @param fd where it writes
 * @param isShared the app has that one too, under another number
 * @returns undefined where it cannot be: then all is as it was
 */
export function startCat(source: Readable, fd: number, isShared: boolean): Cat | undefined {
  const handle = (source as { _handle?: { setBlocking?: (blocking: boolean) => number } })._handle;
  if (typeof handle?.setBlocking !== 'function' || !PROGRAMS.every(isExecutable)) return undefined;
  const target = placeFor(fd, isShared);
  if (target === undefined) return undefined;
  // spawn makes what becomes stdin blocking, for all who share it
  const keepNonBlocking = () => handle.setBlocking?.(false);
  const stat = fstatSync(target);
  // it has no reader that could go away: what fails is for want of room, also in /dev/full
  const isFile = stat.isFile() || (stat.isCharacterDevice() && !isatty(target));
  const shell = spawnShell(source, target);
  if (target !== fd) closeSync(target);
  if (shell?.pid === undefined) {
    keepNonBlocking();
    return undefined;
  }
  const { pid } = shell;
  const gate = shell.stdio[3] as unknown as Duplex;
  gate.on('error', noteOwnEpipe);
  let isGone = false;
  /** It was told to: then it ends by the error that the empty socket is to it. */
  let leaves = false;
  let open = () => {};
  const begun = new Promise<void>((resolve) => {
    open = () => {
      gate.end();
      resolve();
    };
  });
  const ended = new Promise<CatEnd>((resolve) => {
    shell.once('exit', (code, signal) => {
      isGone = true;
      keepNonBlocking();
      if (signal !== null || (code ?? 0) > 125) resolve('failed');
      else if (code === 0) resolve('done');
      else resolve(leaves ? 'left' : isFile ? 'full' : 'done');
    });
  });
  return {
    stands: new Promise((resolve) => gate.once('data', () => resolve())),
    begin: open,
    stop: () => void shell.kill('SIGKILL'),
    ended,
    async leave(most) {
      await Promise.race([begun, ended]);
      leaves = true;
      const limit = writtenBy(pid) + most;
      for (let wait = TELL_AGAIN.first; !isGone; wait = Math.min(wait * 2, TELL_AGAIN.longest)) {
        // an empty socket is an error to it now, and no reason to wait. A read that waits already does not see that,
        // but one that was interrupted begins anew (signal(7), "Interruption of system calls by stop signals" and
        // SA_RESTART)
        keepNonBlocking();
        for (const signal of ['SIGSTOP', 'SIGCONT'] as const) shell.kill(signal);
        await Promise.race([ended, pause(wait)]);
        if (!isGone && writtenBy(pid) > limit) shell.kill('SIGKILL');
      }
      return ended;
    },
  };
}

function spawnShell(source: Readable, target: number) {
  return orElse(() => {
    const shell = spawn(PROGRAMS[0], ['-c', SCRIPT], { stdio: [source, target, 'ignore', 'pipe'], env: {} });
    return shell.on('error', () => {});
  }, undefined);
}

/**
 * Where it writes: cat gives up where there is no room at the moment, so nobody else may be able to make that
 * descriptor non-blocking. A pipe or terminal is opened anew; a socket, as the journal's is, must not be the app's too,
 * as with StandardError=inherit; for a file, blocking or not is the same.
 */
function placeFor(fd: number, isShared: boolean): number | undefined {
  const stat = orElse(() => fstatSync(fd), undefined);
  if (!stat || stat.isFIFO() || stat.isCharacterDevice()) return reopen(fd);
  return isShared && !stat.isFile() ? undefined : fd;
}

/** Bytes, of its whole life (proc(5), /proc/PID/io); NaN where that cannot be seen. */
function writtenBy(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(procText(pid, 'io') ?? '')?.[1]);
}
