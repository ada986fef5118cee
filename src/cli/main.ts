/**
 * The program: reads the command line, starts the app, supervises it, ends as it ended. What is not needed to start the
 * app is loaded after it was started.
 */
import { buildConfig, type Config } from '../core/config.ts';
import { appEnvironment, type Environment } from '../core/environment.ts';
import { KnownError } from '../core/errors.ts';
import { EXIT, type ExitStatus, spawnFailureCode } from '../core/exit-status.ts';
import { handoffObstacle } from '../core/handoff.ts';
import { modeOf } from '../core/mode.ts';
import { isNode } from '../core/node-command.ts';
import { statusLine } from '../core/notify-state.ts';
import type { App } from '../core/ports.ts';
import type { Prelude } from '../core/prelude.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import { hasIpc, namesHosts, tracesSockets, watchedStreams } from '../core/probe-spec.ts';
import { StartError, type StartOptions, startApp } from '../process/app.ts';
import { createCanary } from '../process/canary.ts';
import { clock } from '../process/clock.ts';
import { endLike } from '../process/end.ts';
import { fileStamp } from '../process/file-stamp.ts';
import { ignoredSignals } from '../process/ignored-signals.ts';
import { type Inherited, inheritedDescriptors } from '../process/inherited.ts';
import { keepsJournalStream } from '../process/journal-stream.ts';
import { rememberBefore } from '../process/listeners.ts';
import { softOpenFilesLimit } from '../process/open-files-limit.ts';
import { type ParentPrograms, parentPrograms } from '../process/parent.ts';
import { reloadSignalOf } from '../process/reload-signal.ts';
import { catchSignals, type SignalSource } from '../process/signal-source.ts';
import { noteOwnEpipe } from '../process/sigpipe.ts';
import { managerTexts, unitTexts } from '../process/unit-files.ts';
import type { AppNotifySocket } from '../systemd/app-notify-socket.ts';
import { notifyAddress } from '../systemd/notify-address.ts';
import type { NotifyTransport } from '../systemd/transport.ts';
import { optionsFromEnvironment } from './environment-options.ts';
import { readCommandLine } from './options.ts';
import { print, printError } from './print.ts';
import { refuseInheritedSockets, refuseTakenDescriptors } from './refuse-inherited.ts';
import { VERSION } from './version.ts';
import type { Watchdog } from './watchdog.ts';

/** @param argv without the runtime and the script */
export async function main(argv: readonly string[], env: Environment): Promise<void> {
  const signals = catchSignals();
  let status: ExitStatus;
  try {
    status = await run(argv, env, signals);
  } catch (error) {
    if (error instanceof KnownError) {
      printError(error.message, env);
      status = { code: error.code };
    } else {
      printError(error instanceof Error ? (error.stack ?? error.message) : String(error), env);
      status = { code: EXIT.OWN_FAILURE };
    }
  }
  signals.release();
  endLike(status, env);
}

async function run(argv: readonly string[], env: Environment, signals: SignalSource): Promise<ExitStatus> {
  if (/--inspect/.test(env['NODE_OPTIONS'] ?? '')) (await import('../process/no-inspector.ts')).closeInspector();
  const inherited = inheritedDescriptors(env);
  const invocation = readCommandLine(argv, VERSION);
  if (invocation.type === 'print') {
    print(invocation.text);
    return { code: 0 };
  }
  if (invocation.type === 'version') {
    const { describeVersions } = await import('./describe-versions.ts');
    print(await describeVersions());
    return { code: 0 };
  }
  const raw = { ...optionsFromEnvironment(env), ...invocation.options };
  const mode = modeOf(raw);
  if (mode === 'print-unit') {
    const { printUnit } = await import('./print-unit.ts');
    print(printUnit(raw, invocation.words, env));
    return { code: 0 };
  }
  if (mode === 'completion') {
    const { completionFor } = await import('../core/completion.ts');
    print(completionFor(raw));
    return { code: 0 };
  }
  let config = buildConfig(raw, invocation.words);
  // of a reader that does not read, each has one for itself
  limitThreads(1 + watchedStreams(config.probes).size);
  refuseTakenDescriptors(
    config.probes,
    inherited.all.map(({ to }) => to),
  );
  if (namesHosts(config.probes)) {
    const { resolveHosts } = await import('./resolve-hosts.ts');
    const probes = await Promise.race([resolveHosts(config.probes), signals.interrupted]);
    // a name server may take long, and nothing is there yet that could take the signal
    if (typeof probes === 'string') return { signal: probes };
    config = { ...config, probes };
  }
  const stamps = new Map(
    config.probes.flatMap((spec) => (spec.kind === 'file' ? [[spec.path, stampIfSeen(spec.path)]] : [])),
  );
  const before = tracesSockets(config.probes) ? rememberBefore() : undefined;
  // for a diagnosis: sockets of socket activation are the app's alone once it is started
  const known = before ?? (inherited.all.length > 0 ? rememberBefore() : undefined);
  if (before) refuseInheritedSockets(config.probes, before);
  const closers: (() => void)[] = [];
  try {
    const dryRun = mode === 'dry-run' ? await (await import('./dry-run.ts')).openDryRun(raw, config, env) : undefined;
    if (dryRun) {
      config = dryRun.config;
      closers.push(dryRun.close);
    }
    const transport = dryRun?.transport ?? (await openTransport(env, inherited.notify));
    const handoff = config.handoff ? prepareHandoff(env) : undefined;
    const watchdog = transport && env['WATCHDOG_USEC'] !== undefined ? await watchdogFor(config, env) : undefined;
    const appNotify = await openAppNotify(config, env, watchdog);
    if (appNotify.socket) closers.push(appNotify.socket.close);

    // told before the log is there, which is loaded after the start
    let complaints: Complaints = { onIpcGarbage() {}, onOutputLost() {} };
    const startedAt = clock.now();
    const app = await start({
      config,
      env,
      inherited,
      // the main process may speak to systemd itself
      notifySocket: handoff?.parent ? env['NOTIFY_SOCKET'] : appNotify.socket?.path,
      parent: handoff?.parent,
      watchdog,
      complaints: {
        onIpcGarbage: () => complaints.onIpcGarbage(),
        onOutputLost: (stream, code) => complaints.onOutputLost(stream, code),
      },
    });

    // at once: what everybody gets before it lives is taken for ours alone, and sent to the app a second time
    const detached = handoff?.parent !== undefined || config.signalScope === 'group';
    const canary = createCanary({ appPid: app.pid, detached, onEpipe: noteOwnEpipe });
    if (config.forwardSignals === 'auto') canary.start();

    const { attend } = await import('./attend.ts');
    const attending = attend({
      config,
      env,
      app,
      canary,
      before,
      known,
      stamps,
      startedAt,
      transport,
      appNotify,
      noHandoff: handoff?.obstacle,
      watchdog,
      signals,
      account: dryRun?.account,
      onEpipe: noteOwnEpipe,
    });
    complaints = attending;
    return await attending.ended;
  } finally {
    for (const close of closers) close();
  }
}

/**
 * Threads of libuv's pool, which are started by what is the first to need one: by default four
 * (https://docs.libuv.org/en/v1.x/threadpool.html).
 */
function limitThreads(count: number): void {
  process.env['UV_THREADPOOL_SIZE'] = String(count);
}

/** What cannot be seen now (EACCES) the probe tells, if it is still so then. */
function stampIfSeen(path: string): string | undefined {
  try {
    return fileStamp(path);
  } catch {
    return undefined;
  }
}

/** Says hello to systemd, so that a notify socket that cannot be used is told before the app is started. */
async function openTransport(env: Environment, inherited?: number): Promise<NotifyTransport | undefined> {
  const address = notifyAddress(env['NOTIFY_SOCKET']);
  if (!address) return undefined;
  const { openNotifySocket } = await import('../systemd/notify-socket.ts');
  return openNotifySocket(address, statusLine('Starting'), inherited);
}

async function watchdogFor(config: Config, env: Environment): Promise<Watchdog> {
  const { findWatchdog } = await import('./watchdog.ts');
  return findWatchdog(config, env);
}

/** The notify socket that the app sees, where its messages are asked for, or why there is none. */
export interface AppNotify {
  readonly socket?: AppNotifySocket;
  readonly problem?: string;
}

/** Opens it before the app is started, which may write to it at once. */
async function openAppNotify({ probes }: Config, env: Environment, watchdog?: Watchdog): Promise<AppNotify> {
  const has = (kind: ProbeSpec['kind']) => probes.some((spec) => spec.kind === kind);
  // pings may come over IPC as well
  const asked = has('notify') ? '--notify' : watchdog?.mode === 'app' && !has('ipc') ? '--watchdog app' : undefined;
  if (asked === undefined && !probes.some((spec) => spec.kind === 'auto' && spec.notify) && watchdog?.mode !== 'app')
    return {};
  const { NoSocket, openAppNotifySocket } = await import('../systemd/app-notify-socket.ts');
  try {
    return { socket: await openAppNotifySocket(env) };
  } catch (error) {
    if (!(error instanceof NoSocket)) throw error;
    if (asked === undefined) return { problem: error.message };
    const instead = asked === '--notify' ? '--tcp or --ipc' : '--watchdog process';
    throw new KnownError(`${asked}: ${error.message}, or use ${instead} instead`, EXIT.OWN_FAILURE);
  }
}

/** What the app is started by where it can be handed over, or why it cannot. */
interface Handoff {
  readonly parent?: ParentPrograms;
  readonly obstacle?: string;
}

function prepareHandoff(env: Environment): Handoff {
  const obstacle = handoffObstacle(env, process.ppid);
  if (obstacle !== undefined) return { obstacle };
  try {
    return { parent: parentPrograms(appEnvironment(env)) };
  } catch (error) {
    return {
      obstacle: `it needs /bin/sh, env(1), and unshare(1) and setsid(1) of util-linux (${(error as Error).message})`,
    };
  }
}

/** What may go wrong between the app and us once it runs. */
export type Complaints = Pick<StartOptions, 'onIpcGarbage' | 'onOutputLost'>;

interface Start {
  readonly config: Config;
  readonly env: Environment;
  readonly inherited: Inherited;
  readonly notifySocket: string | undefined;
  readonly parent: ParentPrograms | undefined;
  readonly watchdog: Watchdog | undefined;
  readonly complaints: Complaints;
}

async function start({ config, env, inherited, notifySocket, parent, watchdog, complaints }: Start): Promise<App> {
  const theirs = parent ? { ...inherited, ...inherited.whole } : inherited;
  const watched = watchedStreams(config.probes);
  const ipc = hasIpc(config.probes);
  const descriptors = config.probes.flatMap((spec) => (spec.kind === 'fd' ? spec.fd : []));
  const journal = keepsJournalStream(env, watched);
  // one that becomes the main process has to ping by itself
  const pings =
    parent !== undefined || (watchdog?.appMayPing === true && (notifySocket !== undefined || watchdog.mode === 'app'));
  const given = { env: appEnvironment(theirs.env, { notifySocket, pings, journal }), ours: [] };
  const taken = [...descriptors, ...theirs.all.map(({ to }) => to)];
  const handedOver = watchdog?.file
    ? (await import('./watchdog.ts')).handOver(watchdog.file, watchdog.intervalMs, given.env, { taken, ipc })
    : given;
  try {
    return await startApp({
      command: config.command,
      args: config.args,
      ...handedOver,
      watched,
      ipc,
      ownGroup: config.signalScope === 'group',
      descriptors,
      inherited: theirs,
      parent,
      prelude: {
        listenPid: theirs.listen.length > 0,
        watchdogPid: watchdog?.mode === 'app',
        ...asBefore(config.command, env),
      },
      // a log line may say that a reload is done
      listensAgain: () => reloadSignalOf(env, config.reloadTimeout !== undefined) !== undefined,
      ...complaints,
    });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    throw new KnownError(error.message, spawnFailureCode(error.code));
  }
}

/** What Node changed in us at its start and leaves changed to its children. An app that is Node does the same itself. */
function asBefore(command: string, env: Environment): Pick<Prelude, 'ignored' | 'openFiles'> {
  if (isNode(command)) return { ignored: [], openFiles: undefined };
  const unit = unitTexts(env);
  return { ignored: ignoredSignals(unit), openFiles: softOpenFilesLimit(unit, () => managerTexts(env)) };
}
