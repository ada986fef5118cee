/** Starts the app and reports its death, its output and its messages. */
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
  /** argv[0] of the app; undefined for the command as written. */
  readonly argv0: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** These streams pass through the wrapper; the app inherits the others untouched. */
  readonly watched: ReadonlySet<OutputStream>;
  /** Whether a watched stream may get a listener again later, so that it has to pass through the wrapper for good. */
  readonly listensAgain: () => boolean;
  readonly ipc: boolean;
  /** The app gets a process group of its own, and signals go to the whole group. */
  readonly ownGroup: boolean;
  /** The descriptors of `--fd`, from 3 on: the app writes to them, the wrapper reads. */
  readonly descriptors: readonly number[];
  /** The descriptors that the wrapper was started with. They belong to the app; the wrapper closes them. */
  readonly inherited: Inherited;
  /** Descriptors that the app gets and the wrapper keeps open too. */
  readonly ours: readonly Passed[];
  readonly prelude: Prelude;
  /** The programs that start the app with a parent in between, for `--handoff`. */
  readonly parent?: ParentPrograms | undefined;
}

/** A command and its arguments. */
type Words = readonly [string, ...string[]];

/** `argv0` is undefined if it equals the command. */
type CommandLine = readonly [command: string, args: readonly string[], argv0?: string | undefined];

/** The command could not be started. `code` is the error code of execve(2) or fork(2), e.g. `ENOENT`. */
export class StartError extends Error {
  readonly code: string | undefined;

  constructor([command, ...args]: Words, code: string | undefined, message: string) {
    super(`cannot start ${command}: ${code === 'ENOENT' ? notFound(command, args) : (WHY[code ?? ''] ?? message)}`);
    this.name = 'StartError';
    this.code = code;
  }
}

/** The usual error codes: the cause and what to do. */
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
  const trouble = bufferedUntilListened<string>();
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
  // the other end of a pipe or socket must see the end as soon as the app closes it
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
        // it has just died; the exit event follows
        return code === 'ESRCH' ? undefined : code;
      }
    },
    onOutput: (stream, listener) => relays.get(stream)?.onPiece(listener) ?? (() => {}),
    onDescriptor: (fd, listener) => readers.get(fd)?.(listener) ?? (() => {}),
    onTrouble: trouble.listen,
    onMessage: (listener) => channel?.onMessage(listener) ?? (() => {}),
  };
}

/** With CPUSchedulingResetOnFork= a child loses a negative Nice= (sched(7)). Restores it if permitted. */
function keepPriority(pid: number): void {
  const own = getPriority();
  if (own < 0) orElse(() => setPriority(pid, own), undefined);
}

/** Keeps messages until there is a listener. */
function bufferedUntilListened<T>() {
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
 * spawn() throws some failures and emits others (https://nodejs.org/api/child_process.html#event-error).
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

/** The app is the spawned process itself. */
function child(subprocess: ChildProcess): { readonly pid: number; readonly exited: Promise<ExitStatus> } {
  // not the `close` event: it waits for a grandchild that holds the pipes open
  const exited = new Promise<ExitStatus>((resolve) => {
    subprocess.once('exit', (code, signal) => resolve(signal === null ? { code: code ?? 0 } : { signal }));
  });
  return { pid: subprocess.pid as number, exited };
}

/**
 * The app is the child of the spawned process.
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

/** The wrapper's descriptors that the app got. */
function appFds({ watched, inherited }: StartOptions): readonly number[] {
  const outputs = (['stdout', 'stderr'] as const).filter((stream) => !watched.has(stream));
  return [0, ...outputs.map((stream) => FD_OF[stream]), ...inherited.all.map(({ from }) => from)];
}

/** @throws {StartError} */
function commandLine({ command, args, argv0, env, prelude }: StartOptions): CommandLine {
  if (!isNeeded(prelude)) return [command, args, argv0];
  if (!PRELUDE_PROGRAMS.every(isExecutable)) {
    // forbidden, e.g. by NoExecPaths=: skip the settings that are not essential
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

/** The `stdio` of spawn() from 3 on: pipes at `pipes`, and the inherited descriptors at their numbers. */
function furtherDescriptors(pipes: readonly number[], inherited: readonly Passed[]): ('pipe' | 'ignore' | number)[] {
  const numbers = [...pipes, ...inherited.map(({ to }) => to)];
  const length = Math.max(FIRST_FREE_FD, ...numbers.map((fd) => fd + 1)) - FIRST_FREE_FD;
  return Array.from({ length }, (_, index) => {
    const fd = index + FIRST_FREE_FD;
    if (pipes.includes(fd)) return 'pipe';
    return inherited.find(({ to }) => to === fd)?.from ?? 'ignore';
  });
}

/** Reads even without listeners, so that the app's writes never block. */
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
