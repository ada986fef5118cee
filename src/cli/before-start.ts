/** Prepares the start of the app: the connection to systemd, the app's notify socket, the watchdog, the handoff. */
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

/** Sockets and files from before the start: they do not belong to the app. */
export interface Snapshot {
  /** Listening sockets and processes. Undefined if no probe needs them. */
  readonly before: Before | undefined;
  /** The number of TCP sockets. Undefined if no probe needs it. */
  readonly sockets: SocketsInUse | undefined;
  /** The files of `--file`, and those of Unix sockets. */
  readonly stamps: ReadonlyMap<string, string | undefined>;
  /** For the operator, once there is a log. */
  readonly warning: string | undefined;
}

/** @throws {UsageError} for a probe that cannot work here */
export function takeSnapshot({ probes }: Config, inherited: Inherited): Snapshot {
  const files = probes.flatMap((spec) => {
    if (spec.kind === 'listen') return typeof spec.target === 'string' ? [spec.target] : [];
    return spec.kind === 'file' || spec.kind === 'unix' ? [spec.path] : [];
  });
  return {
    // the diagnosis needs it too: after the start only the app holds the sockets of socket activation
    before: tracesSockets(probes) || inherited.all.length > 0 ? rememberBefore() : undefined,
    sockets: tracesSockets(probes) ? tcpSocketsInUseOnce() : undefined,
    stamps: new Map(files.map((path) => [path, stampIfSeen(path)])),
    warning: existsSync('/proc/self') ? undefined : withoutProc(probes),
  };
}

/** Only /proc shows which process listens. */
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

/** Ignores errors such as EACCES: the probe reports them if they last. */
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
   * The connection to systemd, opened by the first call; undefined without a notify socket.
   * @throws {KnownError} if it cannot be opened
   */
  readonly transport: () => Promise<NotifyTransport | undefined>;
  readonly appNotify: AppNotify;
  readonly watchdog: PreparedWatchdog | undefined;
  /** With --take-sockets. */
  readonly taking: PreparedTaking | undefined;
  /** With --handoff. */
  readonly handoff: Handoff | undefined;
  /** With --dry-run. */
  readonly report: Report | undefined;
}

/**
 * Prepares everything, calls `run`, and cleans up.
 * @throws all errors of `run`; {@link KnownError} if the preparation fails
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
    const { config } = dryRun ?? request;
    const address = dryRun ? undefined : notifyAddress(env['NOTIFY_SOCKET']);
    const transport = once(async () => dryRun?.transport ?? (address && openTransport(address, inherited)));
    if (address && !(await mayOpenLater(address, inherited))) await transport();
    const taking = config.takeSockets
      ? (await import('../take-sockets/prepare.ts')).prepareTaking(config.args, env, inherited.listen)
      : undefined;
    if (taking) closers.push(taking.close);
    const handoff = config.handoff ? prepareHandoff(env) : undefined;
    const isWatched = (dryRun ?? address) !== undefined && env['WATCHDOG_USEC'] !== undefined;
    const watchdog = isWatched ? (await import('../watchdog/request.ts')).findWatchdog(config, env) : undefined;
    if (watchdog?.beat) closers.push(watchdog.beat.close);
    const appNotify = await openAppNotify(config, env, watchdog);
    if (appNotify.socket) closers.push(appNotify.socket.close);
    return await run({ config, transport, appNotify, watchdog, taking, handoff, report: dryRun?.report });
  } finally {
    for (const close of closers) close();
  }
}

/** Sends a first STATUS=. */
async function openTransport(address: NotifyAddress, { notify }: Inherited): Promise<NotifyTransport> {
  const { openNotifySocket } = await import('../notify/open.ts');
  return openNotifySocket(address, statusLine('Starting'), notify);
}

/**
 * Whether the connection to systemd will probably succeed. Then the addon is loaded while the app boots, because it
 * takes half as long as Node's boot. Otherwise it is opened before the start, because a failure prevents the start.
 */
async function mayOpenLater({ type, name }: NotifyAddress, { notify }: Inherited): Promise<boolean> {
  if (notify !== undefined || type !== 'path') return false;
  const { hasPrebuiltAddon } = await import('../notify/open.ts');
  return hasPrebuiltAddon() && isDatagramSocketAt(name);
}

function once<T>(run: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= run();
    return result;
  };
}

/**
 * Shows in `systemctl status` why the start failed; otherwise it would show "Starting" or nothing. Does not retry if
 * systemd's queue is full.
 */
export async function sendFailureStatus({ message }: KnownError, env: NodeJS.ProcessEnv): Promise<void> {
  try {
    const address = notifyAddress(env['NOTIFY_SOCKET']);
    if (!address) return;
    const { openNotifySocket } = await import('../notify/open.ts');
    await openNotifySocket(address, statusLine(message), inheritedDescriptors(env).notify);
  } catch {
    // the line on stderr is enough
  }
}

/** The app's notify socket, or the reason why it has none. Empty if no option needs it. */
export interface AppNotify {
  readonly socket?: AppNotifySocket;
  readonly problem?: string;
}

/** To be called before the start: the app may send at once. */
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

/** The programs that a handoff needs, or the reason why it is impossible. */
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
