/** What has to stand before the app is started: the way to systemd, the app's notify socket, a watchdog, a handoff. */
import { existsSync } from 'node:fs';
import { type ParentPrograms, parentPrograms } from '../app/handoff-parent.ts';
import { type Inherited, inheritedDescriptors } from '../app/inherited.ts';
import { appEnvironment } from '../base/environment.ts';
import { KnownError, UsageError } from '../base/errors.ts';
import { EXIT } from '../base/exit-status.ts';
import type { Report } from '../dry-run/report.ts';
import { type NotifyAddress, notifyAddress } from '../notify/address.ts';
import type { AppNotifySocket } from '../notify/app-socket.ts';
import { isDatagramSocketAt } from '../notify/datagram-socket.ts';
import { statusLine } from '../notify/state.ts';
import type { NotifyTransport } from '../notify/transport.ts';
import type { Config } from '../options/config.ts';
import { handoffObstacle } from '../options/handoff.ts';
import { type SocketsInUse, tcpSocketsInUseOnce } from '../probes/connect/tcp-sockets.ts';
import { fileStamp } from '../probes/file-stamp.ts';
import { type ProbeSpec, tracesSockets } from '../probes/spec.ts';
import { type Before, rememberBefore } from '../sockets/listeners.ts';
import type { PreparedTaking } from '../take-sockets/prepare.ts';
import type { PreparedWatchdog } from '../watchdog/request.ts';
import type { Request } from './request.ts';

/** What was there before the app: none of it is the app's. */
export interface Seen {
  /** What listened. Undefined where nobody asks. */
  readonly before: Before | undefined;
  /** How many TCP sockets there were, likewise. */
  readonly sockets: SocketsInUse | undefined;
  /** The files of `--file`, and those of Unix sockets. */
  readonly stamps: ReadonlyMap<string, string | undefined>;
  /** For the operator, once there is a log. */
  readonly warning: string | undefined;
}

/** @throws {UsageError} for a probe that can see nothing here */
export function lookAround({ probes }: Config, inherited: Inherited): Seen {
  const files = probes.flatMap((spec) => {
    if (spec.kind === 'listen') return typeof spec.target === 'string' ? [spec.target] : [];
    return spec.kind === 'file' || spec.kind === 'unix' ? [spec.path] : [];
  });
  return {
    // for a diagnosis too: sockets of socket activation are the app's alone once it is started
    before: tracesSockets(probes) || inherited.all.length > 0 ? rememberBefore() : undefined,
    sockets: tracesSockets(probes) ? tcpSocketsInUseOnce() : undefined,
    stamps: new Map(files.map((path) => [path, stampIfSeen(path)])),
    warning: existsSync('/proc/self') ? undefined : withoutProc(probes),
  };
}

/** Who listens is told by /proc alone. */
function withoutProc(probes: readonly ProbeSpec[]): string | undefined {
  for (const spec of probes) {
    if (spec.kind === 'listen')
      throw new UsageError(`--listen ${spec.target}`, 'needs /proc, which is not mounted', 'use --tcp, or mount /proc');
    if (spec.kind !== 'auto') continue;
    if (!spec.notify)
      throw new UsageError('auto', 'needs /proc, which is not mounted', 'choose a probe, e.g. --tcp 3000');
    return '/proc is not mounted, so no listening socket can be seen: only READY=1 from the app counts; or use --tcp';
  }
  return undefined;
}

/** What cannot be seen now (EACCES) the probe tells, if it is still so then. */
function stampIfSeen(path: string): string | undefined {
  try {
    return fileStamp(path);
  } catch {
    return undefined;
  }
}

export interface Prepared {
  readonly config: Config;
  /**
   * The way to systemd, opened by the first call; undefined if nobody is to be notified.
   * @throws {KnownError} if there is none
   */
  readonly transport: () => Promise<NotifyTransport | undefined>;
  readonly appNotify: AppNotify;
  readonly watchdog: PreparedWatchdog | undefined;
  /** With --take-sockets. */
  readonly taking: PreparedTaking | undefined;
  /** Undefined where none was asked for. */
  readonly handoff: Handoff | undefined;
  /** Of a dry run. */
  readonly report: Report | undefined;
}

/**
 * Prepares it all, runs the app by it, and takes it away again.
 * @throws what `run` throws, and {@link KnownError} for what cannot be had
 */
export async function withPrepared<T>(
  request: Request,
  env: NodeJS.ProcessEnv,
  inherited: Inherited,
  run: (prepared: Prepared) => Promise<T>,
): Promise<T> {
  const closers: (() => void)[] = [];
  try {
    const dryRun = request.isDryRun
      ? await (await import('../dry-run/dry-run.ts')).openDryRun(request.raw, request.config, env)
      : undefined;
    if (dryRun) closers.push(dryRun.close);
    const { config, report } = dryRun ?? request;
    const address = dryRun ? undefined : notifyAddress(env['NOTIFY_SOCKET']);
    const transport = once(async () => dryRun?.transport ?? (address && openTransport(address, inherited)));
    if (address && !(await opensSurely(address, inherited))) await transport();
    const taking = config.takeSockets
      ? (await import('../take-sockets/prepare.ts')).prepareTaking(config.args, env, inherited.listen)
      : undefined;
    if (taking) closers.push(taking.close);
    const handoff = config.handoff ? prepareHandoff(env) : undefined;
    const isWatched = (dryRun ?? address) !== undefined && env['WATCHDOG_USEC'] !== undefined;
    const watchdog = isWatched ? await watchdogFor(config, env) : undefined;
    if (watchdog?.beat) closers.push(watchdog.beat.close);
    const appNotify = await openAppNotify(config, env, watchdog);
    if (appNotify.socket) closers.push(appNotify.socket.close);
    return await run({ config, transport, appNotify, watchdog, taking, handoff, report });
  } finally {
    for (const close of closers) close();
  }
}

/** Says hello to systemd. */
async function openTransport(address: NotifyAddress, { notify }: Inherited): Promise<NotifyTransport> {
  const { openNotifySocket } = await import('../notify/open.ts');
  return openNotifySocket(address, statusLine('Starting'), notify);
}

/**
 * Whether systemd can be reached, as far as can be told without an addon. Then that is loaded while the app boots: it
 * takes as long as half a boot of Node. Otherwise it is tried before the app is started, as that may be the end of it.
 */
async function opensSurely({ type, name }: NotifyAddress, { notify }: Inherited): Promise<boolean> {
  if (notify !== undefined || type !== 'path') return false;
  const { isOneReadyBuilt } = await import('../notify/open.ts');
  return isOneReadyBuilt() && isDatagramSocketAt(name);
}

function once<T>(run: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= run();
    return result;
  };
}

/**
 * Why there is no app, for `systemctl status`, which would show "Starting" or nothing. Once: a way to systemd that is
 * full is not waited for.
 */
export async function tellUnitStatus({ message }: KnownError, env: NodeJS.ProcessEnv): Promise<void> {
  try {
    const address = notifyAddress(env['NOTIFY_SOCKET']);
    if (!address) return;
    const { openNotifySocket } = await import('../notify/open.ts');
    await openNotifySocket(address, statusLine(message), inheritedDescriptors(env).notify);
  } catch {
    // the line on stderr is the one that counts
  }
}

async function watchdogFor(config: Config, env: NodeJS.ProcessEnv): Promise<PreparedWatchdog> {
  const { findWatchdog } = await import('../watchdog/request.ts');
  return findWatchdog(config, env);
}

/** The notify socket that the app sees, where its messages are asked for, or why there is none. */
export interface AppNotify {
  readonly socket?: AppNotifySocket;
  readonly problem?: string;
}

/** Opens it before the app is started, which may write to it at once. */
async function openAppNotify(
  { probes }: Config,
  env: NodeJS.ProcessEnv,
  watchdog?: PreparedWatchdog,
): Promise<AppNotify> {
  const has = (kind: ProbeSpec['kind']) => probes.some((spec) => spec.kind === kind);
  // pings may come over IPC as well
  const asked = has('notify') ? '--notify' : watchdog?.mode === 'app' && !has('ipc') ? '--watchdog app' : undefined;
  if (asked === undefined && !probes.some((spec) => spec.kind === 'auto' && spec.notify) && watchdog?.mode !== 'app')
    return {};
  const { NoSocket, openAppNotifySocket } = await import('../notify/app-socket.ts');
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
export interface Handoff {
  readonly parent?: ParentPrograms;
  readonly obstacle?: string;
}

function prepareHandoff(env: NodeJS.ProcessEnv): Handoff {
  const obstacle = handoffObstacle(env, process.ppid);
  if (obstacle !== undefined) return { obstacle };
  try {
    return { parent: parentPrograms(appEnvironment(env)) };
  } catch (error) {
    return {
      obstacle: `it needs /bin/sh, env(1), unshare(1) and setsid(1) (${(error as Error).message})`,
    };
  }
}
