/**
 * Relays a stream without us once no probe watches it: from then on cat(1) reads the socket that we have read, and
 * writes to the same descriptor.
 *
 * - It starts as a shell that ignores all signals, waits until we have written all that we read, and then becomes cat.
 *   So it ends at the end of the stream, but not by a signal for the whole unit.
 * - We keep our own descriptor of the socket, but do not read it: Node stops reading a stream that it passes to a child
 *   (https://nodejs.org/api/child_process.html#optionsstdio). {@link Cat.finish} ends cat by that descriptor.
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

/** The time between two signals to cat in {@link Cat.finish}, ms: it may have to wait for its own reader. */
const SIGNAL_AGAIN = { first: 20, longest: 1000 };

/** 9 and 19 cannot be ignored (signal(7)); the C library uses 32 and 33. */
const IGNORED = Array.from({ length: 64 }, (_, index) => index + 1).filter((n) => ![9, 19, 32, 33].includes(n));

const SCRIPT = `: 'sd-ready-wrap: relays the output of the app'
trap '' ${IGNORED.join(' ')}; echo >&3; read -r x <&3; exec ${PROGRAMS[1]} 3<&-`;

/**
 * - `done`: the stream has ended, or its reader is gone.
 * - `full`: the file had no room for the bytes that cat had read.
 * - `left`: `finish` ended it, and another process holds the other end of the stream.
 * - `failed`: cat could not be started, or was killed.
 */
export type CatEnd = 'done' | 'full' | 'left' | 'failed';

export interface Cat {
  /** Resolves once it ignores all signals except SIGKILL: it may begin. */
  readonly ready: Promise<void>;
  /** Starts reading. Call it when all that was read before is written. */
  begin(): void;
  /** Ends it at once. */
  stop(): void;
  readonly ended: Promise<CatEnd>;
  /**
   * Makes it end once the socket is empty, even if another process holds the other end open. Resolves when it has
   * ended.
   * @param most it is killed after this many more bytes
   */
  finish(most: number): Promise<CatEnd>;
}

/**
 * @param source do not read it any more, unless this fails. Its buffer must be empty
 * @param fd the descriptor to write to
 * @param isShared whether the app has that descriptor too, under another number
 * @returns undefined if it cannot be started; then nothing has changed
 */
export function startCat(source: Readable, fd: number, isShared: boolean): Cat | undefined {
  const handle = (source as { _handle?: { setBlocking?: (blocking: boolean) => number } })._handle;
  if (typeof handle?.setBlocking !== 'function' || !PROGRAMS.every(isExecutable)) return undefined;
  const target = targetFor(fd, isShared);
  if (target === undefined) return undefined;
  // spawn makes the child's stdin blocking for all processes that share it
  const keepNonBlocking = () => handle.setBlocking?.(false);
  const stat = fstatSync(target);
  // a file has no reader that could disappear: a failed write means no room, as with /dev/full
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
  /** Whether finish() was called: cat then ends with a failed read of the empty socket. */
  let finishing = false;
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
      else resolve(finishing ? 'left' : isFile ? 'full' : 'done');
    });
  });
  return {
    ready: new Promise((resolve) => gate.once('data', () => resolve())),
    begin: open,
    stop: () => void shell.kill('SIGKILL'),
    ended,
    async finish(most) {
      await Promise.race([begun, ended]);
      finishing = true;
      const limit = writtenBy(pid) + most;
      for (let wait = SIGNAL_AGAIN.first; !isGone; wait = Math.min(wait * 2, SIGNAL_AGAIN.longest)) {
        // on a non-blocking socket cat's next read fails once the socket is empty. A read that already waits does not
        // notice, but stop signals interrupt it and it starts anew (signal(7), "Interruption of system calls by stop
        // signals" and SA_RESTART)
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
 * The descriptor that cat writes to. cat exits on EAGAIN, so no other process may be able to make it non-blocking. A
 * pipe or terminal is opened anew. A socket, such as the journal's, must not be shared with the app, as it is with
 * StandardError=inherit. For a file O_NONBLOCK has no effect.
 */
function targetFor(fd: number, isShared: boolean): number | undefined {
  const stat = orElse(() => fstatSync(fd), undefined);
  if (!stat || stat.isFIFO() || stat.isCharacterDevice()) return reopen(fd);
  return isShared && !stat.isFile() ? undefined : fd;
}

/** @returns bytes since its start (/proc/PID/io in proc(5)); NaN if hidden */
function writtenBy(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(procText(pid, 'io') ?? '')?.[1]);
}
