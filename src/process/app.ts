/** Starts the app, by execa (the only file that imports it), and tells of its death, its output and its messages. */
import { closeSync, readdirSync, readFileSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import { execa } from 'execa';
import type { ExitStatus } from '../core/exit-status.ts';
import { FIRST_FREE_FD, firstFree } from '../core/listen-fds.ts';
import type { App, OutputStream } from '../core/ports.ts';
import { isNeeded, PRELUDE_PROGRAMS, type Prelude, withPrelude } from '../core/prelude.ts';
import { commandPath, isExecutable } from './command-path.ts';
import type { Inherited, Passed } from './inherited.ts';
import { channelEnvironment, openChannel } from './ipc-channel.ts';
import { type Relay, relay } from './relay.ts';

export interface StartOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** These pass through the wrapper; the others are inherited untouched. */
  readonly watched: ReadonlySet<OutputStream>;
  readonly ipc: boolean;
  /** Signals go to all of its process group, which is then its own. */
  readonly ownGroup: boolean;
  /** Descriptors of the app that we read, from 3 on: those of `--fd`. */
  readonly descriptors: readonly number[];
  /** What we were started with, which is the app's. */
  readonly inherited: Inherited;
  readonly prelude: Prelude;
  /** Told once of the first line on the IPC channel that is no message. */
  readonly onIpcGarbage: () => void;
}

/** The command could not be started. `code` is that of execve(2) or fork(2): `ENOENT`. */
export class StartError extends Error {
  readonly code: string | undefined;

  constructor(command: string, code: string | undefined, message: string) {
    super(`cannot start ${command}: ${WHY[code ?? ''] ?? message}`);
    this.name = 'StartError';
    this.code = code;
  }
}

/** The usual codes in words, each with what to do. */
const WHY: Record<string, string> = {
  ENOENT: 'not found (ENOENT); give its absolute path, and see that the program named in its #! line exists',
  EACCES: 'not executable (EACCES); see that it is a file with the x permission on a path that may be searched',
  ENOEXEC: 'not a program for this machine (ENOEXEC); a script needs a #! line',
  EAGAIN: 'no process to be had (EAGAIN); see TasksMax= of the unit',
};

/** @throws {StartError} */
export async function startApp(options: StartOptions): Promise<App> {
  const { watched, ipc, descriptors, inherited } = options;
  const channelFd = firstFree([...descriptors, ...inherited.all.map(({ to }) => to)]);
  const output = (stream: OutputStream) => (watched.has(stream) ? 'pipe' : 'inherit');
  const pipes = ipc ? [...descriptors, channelFd] : descriptors;
  const [command, args] = commandLine(options);
  const subprocess = execa(command, args, {
    stdio: ['inherit', output('stdout'), output('stderr'), ...furtherDescriptors(pipes, inherited.all)],
    env: ipc ? { ...options.env, ...channelEnvironment(channelFd) } : options.env,
    extendEnv: false,
    detached: options.ownGroup,
    // by default execa keeps the output, kills at a limit, kills 5 s after a SIGTERM, and kills when we end
    buffer: false,
    forceKillAfterDelay: false,
    cleanup: false,
    reject: false,
  });
  const { pid } = subprocess;
  if (pid === undefined) {
    const result = await subprocess;
    const { code } = result as { code?: string };
    throw new StartError(options.command, code, result.originalMessage ?? 'unknown reason');
  }
  // whoever waits for the end of one waits for the app to close it, and not for us
  for (const { from } of inherited.listen) closeSync(from);
  // the `exit` event, not execa's promise: that one, like `close`, waits for a grandchild that holds the pipes open
  const exited = new Promise<ExitStatus>((resolve) => {
    subprocess.once('exit', (code, signal) => resolve(signal === null ? { code: code ?? 0 } : { signal }));
  });
  let dead = false;
  void exited.then(() => {
    dead = true;
  });

  const relays = new Map<OutputStream, Relay>();
  for (const stream of watched) {
    relays.set(stream, relay(subprocess[stream] as Readable, stream === 'stdout' ? 1 : 2));
  }
  const readers = new Map(descriptors.map((fd) => [fd, reader(subprocess.stdio[fd] as unknown as Duplex)]));
  const channel = ipc ? openChannel(subprocess.stdio[channelFd] as unknown as Duplex, options.onIpcGarbage) : undefined;

  return {
    pid,
    exited,
    async drained() {
      await Promise.all([...relays.values()].map((each) => each.drained()));
    },
    isAlive: () => !dead && !isZombie(pid),
    kill(signal) {
      if (dead) return undefined;
      try {
        process.kill(options.ownGroup ? -pid : pid, signal as NodeJS.Signals);
        return undefined;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? String(error);
        // it has just died: its exit is on the way to us
        return code === 'ESRCH' ? undefined : code;
      }
    },
    onOutput: (stream, listener) => relays.get(stream)?.onPiece(listener) ?? (() => {}),
    onDescriptor: (fd, listener) => readers.get(fd)?.(listener) ?? (() => {}),
    onMessage: (listener) => channel?.onMessage(listener) ?? (() => {}),
  };
}

/** @throws {StartError} */
function commandLine({ command, args, env, prelude }: StartOptions): readonly [string, readonly string[]] {
  if (!isNeeded(prelude)) return [command, args];
  // forbidden by NoExecPaths=, say: the app runs without what is only for the sake of likeness
  if (!prelude.listenPid && !PRELUDE_PROGRAMS.every(isExecutable)) return [command, args];
  try {
    return withPrelude(prelude, commandPath(command, env), args, env);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(command, code, message);
  }
}

/** The stdio of spawn from 3 on: a pipe at each of these, and what we were started with. */
function furtherDescriptors(pipes: readonly number[], inherited: readonly Passed[]): ('pipe' | 'ignore')[] {
  const numbers = [...pipes, ...inherited.map(({ to }) => to)];
  const length = Math.max(FIRST_FREE_FD, ...numbers.map((fd) => fd + 1)) - FIRST_FREE_FD;
  return Array.from({ length }, (_, index) => {
    const fd = index + FIRST_FREE_FD;
    if (pipes.includes(fd)) return 'pipe';
    // execa takes any number here, as spawn does, and its types do not
    return (inherited.find(({ to }) => to === fd)?.from ?? 'ignore') as 'ignore';
  });
}

/** Reads for good, so that the app may write as long as it likes; whoever listens hears it. */
function reader(source: Duplex): (listener: (piece: Uint8Array | 'end') => void) => () => void {
  const listeners = new Set<(piece: Uint8Array | 'end') => void>();
  const tell = (piece: Uint8Array | 'end') => {
    for (const listener of listeners) listener(piece);
  };
  source.on('data', tell);
  source.on('end', () => tell('end'));
  source.on('error', () => {});
  return (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
}

/**
 * Whether our child has ended and was not waited for yet: `Z` behind the name in /proc/PID/stat (proc(5)). Where only its
 * main thread has (pthread_exit(3)), that one is a zombie and the others live.
 */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return /^\) [ZX]/.test(stat.slice(stat.lastIndexOf(')'))) && readdirSync(`/proc/${pid}/task`).length < 2;
  } catch {
    // hidden from us by ProtectProc=: then its exit event is all there is
    return false;
  }
}
