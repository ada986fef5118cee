/** Starts the app, and tells of its death, its output and its messages. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import type { Duplex, Readable } from 'node:stream';
import { commandPath, isExecutable } from '../base/command-path.ts';
import { type ExitStatus, RAISE_LIMIT } from '../base/exit-status.ts';
import { notFound } from '../base/not-found.ts';
import { orElse } from '../base/or-else.ts';
import { FIRST_FREE_FD, firstFree } from '../notify/listen-fds.ts';
import { startCat } from '../output/cat.ts';
import { relay } from '../output/relay.ts';
import { isRunning } from '../sockets/alive.ts';
import { isSameFile } from '../sockets/descriptors.ts';
import { type Descendant, descent, followChildOf, type ParentPrograms, parentLine } from './handoff-parent.ts';
import type { Inherited, Passed } from './inherited.ts';
import { channelEnvironment, openChannel } from './ipc-channel.ts';
import { isNeeded, NAMING_SHELL, PRELUDE_PROGRAMS, type Prelude, withPrelude } from './prelude.ts';
import type { App, OutputStream } from './types.ts';

export interface StartOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** What it finds as its own name; undefined for the command as it was written. */
  readonly argv0: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** These pass through the wrapper; the others are inherited untouched. */
  readonly watched: ReadonlySet<OutputStream>;
  /** Whether whoever listened to a watched stream may come back later, so that it has to pass through us for good. */
  readonly listensAgain: () => boolean;
  readonly ipc: boolean;
  /** Signals go to all of its process group, which is then its own. */
  readonly ownGroup: boolean;
  /** Descriptors of the app that we read, from 3 on: those of `--fd`. */
  readonly descriptors: readonly number[];
  /** What we were started with, which is the app's. */
  readonly inherited: Inherited;
  /** What of ours it gets as well, and we keep. */
  readonly ours: readonly Passed[];
  readonly prelude: Prelude;
  /** It is to be made an orphan once it is ready, by means of these. */
  readonly parent?: ParentPrograms | undefined;
}

/** A command and its arguments. */
type Words = readonly [string, ...string[]];

/** The same, and what it finds as its own name if that is another. */
type CommandLine = readonly [command: string, args: readonly string[], argv0?: string | undefined];

/** The command could not be started. `code` is that of execve(2) or fork(2): `ENOENT`. */
export class StartError extends Error {
  readonly code: string | undefined;

  constructor([command, ...args]: Words, code: string | undefined, message: string) {
    super(`cannot start ${command}: ${code === 'ENOENT' ? notFound(command, args) : (WHY[code ?? ''] ?? message)}`);
    this.name = 'StartError';
    this.code = code;
  }
}

/** The usual codes in words, each with what to do. */
const WHY: Record<string, string> = {
  EACCES:
    'not executable (EACCES); give the file the x permission (chmod +x) and its directories too, or name the ' +
    'program that runs it, e.g. node',
  ENOEXEC: 'not a program for this machine (ENOEXEC); a script needs a #! line',
  EAGAIN: "cannot create a process (EAGAIN); check the unit's TasksMax=",
  EMFILE: `no free file descriptors (EMFILE); ${RAISE_LIMIT}`,
};

const FD_OF: Readonly<Record<OutputStream, number>> = { stdout: 1, stderr: 2 };

/** @throws {StartError} */
export async function startApp(options: StartOptions): Promise<App> {
  const trouble = keptUntilHeard<string>();
  const { watched, ipc, descriptors, inherited, parent } = options;
  const spare = firstFree([...descriptors, ...[...inherited.all, ...options.ours].map(({ to }) => to)]);
  const channelFd = spare;
  const between = parent && descent(parent, spare);
  const output = (stream: OutputStream) => (watched.has(stream) ? 'pipe' : 'inherit');
  const pipes = ipc ? [...descriptors, channelFd] : descriptors;
  const own = commandLine({ ...options, prelude: { ...options.prelude, descent: between } });
  const [command, args, argv0] = parent && between ? parentLine(parent, between, own) : own;
  const toStderr = between?.stderrAt === undefined ? [] : [{ from: 2, to: between.stderrAt }];
  const stderr = toStderr.length > 0 ? 'pipe' : output('stderr');
  const subprocess = await spawned([options.command, ...options.args], () =>
    spawn(command, args, {
      stdio: [
        'inherit',
        output('stdout'),
        stderr,
        ...furtherDescriptors(pipes, [...inherited.all, ...options.ours, ...toStderr]),
      ],
      env: ipc ? { ...options.env, ...channelEnvironment(channelFd) } : options.env,
      detached: options.ownGroup,
      argv0,
    }),
  );
  keepPriority(subprocess.pid as number);
  const relays = new Map(
    [...watched].map((stream) => {
      const fd = FD_OF[stream];
      const source = subprocess[stream] as Readable;
      const isShared = appFds(options).some((other) => isSameFile(fd, other));
      const handOver = () => (options.listensAgain() ? undefined : startCat(source, fd, isShared));
      const onLost = (code: string) => trouble.tell(`lost output of the app: cannot write its ${stream} (${code})`);
      const onUnread = (problem: string) =>
        trouble.tell(`the app's remaining processes cannot write to ${stream} any more: ${problem}`);
      return [stream, relay(source, fd, handOver, onLost, onUnread)];
    }),
  );
  // whoever waits for the end of one waits for the app to close it, and not for us
  for (const fd of [...inherited.all.map(({ from }) => from), ...inherited.stray]) {
    if (fd !== inherited.notify) closeSync(fd);
  }
  const { pid, exited, orphan } = parent
    ? await descendant([options.command, ...options.args], subprocess)
    : { ...child(subprocess), orphan: async () => 'the app is still a child of the wrapper' };
  let draining: Promise<void> | undefined;
  let dead = false;
  void exited.then(() => {
    dead = true;
  });

  const readers = new Map(descriptors.map((fd) => [fd, reader(subprocess.stdio[fd] as unknown as Duplex)]));
  const onGarbage = () => trouble.tell('the app wrote an invalid message to the IPC channel; ignored');
  const channel = ipc ? openChannel(subprocess.stdio[channelFd] as unknown as Duplex, onGarbage) : undefined;

  return {
    pid,
    exited,
    drained() {
      draining ??= Promise.all([...relays.values()].map((each) => each.drained())).then(() => {});
      return draining;
    },
    isAlive: () => !dead && isRunning(pid),
    orphan,
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
    onTrouble: trouble.listen,
    onMessage: (listener) => channel?.onMessage(listener) ?? (() => {}),
  };
}

/** With CPUSchedulingResetOnFork= a child loses a negative Nice= (sched(7)): it gets it back, where we may do that. */
function keepPriority(pid: number): void {
  const own = getPriority();
  if (own < 0) orElse(() => setPriority(pid, own), undefined);
}

/** What is told before anybody listens is told to the listener first. */
function keptUntilHeard<T>() {
  const early: T[] = [];
  let deliver = (message: T): void => void early.push(message);
  return {
    tell: (message: T) => deliver(message),
    listen(listener: (message: T) => void) {
      deliver = listener;
      for (const message of early.splice(0)) listener(message);
    },
  };
}

/**
 * Some failures are thrown, others told by an event (https://nodejs.org/api/child_process.html#event-error).
 * @throws {StartError}
 */
async function spawned(words: Words, start: () => ChildProcess): Promise<ChildProcess> {
  try {
    const subprocess = start();
    if (subprocess.pid === undefined) throw (await once(subprocess, 'error'))[0];
    return subprocess;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(words, code, message);
  }
}

/** The app is the process that was started. */
function child(subprocess: ChildProcess): { readonly pid: number; readonly exited: Promise<ExitStatus> } {
  // the `exit` event: `close` waits for a grandchild that holds the pipes open
  const exited = new Promise<ExitStatus>((resolve) => {
    subprocess.once('exit', (code, signal) => resolve(signal === null ? { code: code ?? 0 } : { signal }));
  });
  return { pid: subprocess.pid as number, exited };
}

/**
 * The app is the child of the process that was started.
 * @throws {StartError}
 */
async function descendant(words: Words, parent: ChildProcess): Promise<Descendant> {
  try {
    return await followChildOf(parent, parent.stderr);
  } catch (error) {
    const { message } = error as Error;
    throw new StartError(words, /temporarily unavailable/.test(message) ? 'EAGAIN' : 'EPERM', message);
  }
}

/** Those of our descriptors that the app was given. */
function appFds({ watched, inherited }: StartOptions): readonly number[] {
  const outputs = (['stdout', 'stderr'] as const).filter((stream) => !watched.has(stream));
  return [0, ...outputs.map((stream) => FD_OF[stream]), ...inherited.all.map(({ from }) => from)];
}

/** @throws {StartError} */
function commandLine({ command, args, argv0, env, prelude }: StartOptions): CommandLine {
  if (!isNeeded(prelude)) return [command, args, argv0];
  if (!PRELUDE_PROGRAMS.every(isExecutable)) {
    // forbidden by NoExecPaths=, say: the app runs without what is only for the sake of likeness
    if (!prelude.listenPid) return [command, args, argv0];
    const programs = PRELUDE_PROGRAMS.join(' and ');
    throw new StartError([command], undefined, `socket activation needs ${programs}, which cannot be executed here`);
  }
  if (argv0 !== undefined && !isExecutable(NAMING_SHELL)) {
    throw new StartError([command], undefined, `--argv0 needs ${NAMING_SHELL}, which cannot be executed here`);
  }
  try {
    return withPrelude(prelude, commandPath(command, env), args, env, argv0);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError([command, ...args], code, message);
  }
}

/** The stdio of spawn from 3 on: a pipe at each of these, and what we were started with. */
function furtherDescriptors(pipes: readonly number[], inherited: readonly Passed[]): ('pipe' | 'ignore' | number)[] {
  const numbers = [...pipes, ...inherited.map(({ to }) => to)];
  const length = Math.max(FIRST_FREE_FD, ...numbers.map((fd) => fd + 1)) - FIRST_FREE_FD;
  return Array.from({ length }, (_, index) => {
    const fd = index + FIRST_FREE_FD;
    if (pipes.includes(fd)) return 'pipe';
    return inherited.find(({ to }) => to === fd)?.from ?? 'ignore';
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
