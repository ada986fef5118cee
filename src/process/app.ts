/** Starts the app, by execa (the only file that imports it), and tells of its death, its output and its messages. */
import { readFileSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import { execa } from 'execa';
import type { ExitStatus } from '../core/exit-status.ts';
import type { App, OutputStream } from '../core/ports.ts';
import { channelEnvironment, openChannel } from './ipc-channel.ts';
import { type Relay, relay } from './relay.ts';

/** The descriptor of the IPC channel in the app: the first that no standard stream has. */
const CHANNEL_FD = 3;

export interface StartOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** These pass through the wrapper; the others are inherited untouched. */
  readonly watched: ReadonlySet<OutputStream>;
  readonly ipc: boolean;
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
  const { watched, ipc } = options;
  const output = (stream: OutputStream) => (watched.has(stream) ? 'pipe' : 'inherit');
  const subprocess = execa(options.command, options.args, {
    stdio: ['inherit', output('stdout'), output('stderr'), ...(ipc ? (['pipe'] as const) : [])],
    env: ipc ? { ...options.env, ...channelEnvironment(CHANNEL_FD) } : options.env,
    extendEnv: false,
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
  const channel = ipc
    ? openChannel(subprocess.stdio[CHANNEL_FD] as unknown as Duplex, options.onIpcGarbage)
    : undefined;

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
        process.kill(pid, signal as NodeJS.Signals);
        return undefined;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? String(error);
        // it has just died: its exit is on the way to us
        return code === 'ESRCH' ? undefined : code;
      }
    },
    onOutput: (stream, listener) => relays.get(stream)?.onPiece(listener) ?? (() => {}),
    onDescriptor: () => () => {},
    onMessage: (listener) => channel?.onMessage(listener) ?? (() => {}),
  };
}

/** Whether our child has ended and was not waited for yet: `Z` behind the name in /proc/PID/stat (proc(5)). */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return /^\) [ZX]/.test(stat.slice(stat.lastIndexOf(')')));
  } catch {
    // hidden from us by ProtectProc=: then its exit event is all there is
    return false;
  }
}
