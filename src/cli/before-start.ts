/**
 * What has to stand before the app is started: the way to systemd, the app's own notify socket, a watchdog, a handoff.
 */

import { type ParentPrograms, parentPrograms } from '../app/parent.ts';
import { appEnvironment, type Environment } from '../base/environment.ts';
import { KnownError } from '../base/errors.ts';
import { EXIT } from '../base/exit-status.ts';
import { notifyAddress } from '../notify/address.ts';
import type { AppNotifySocket } from '../notify/app-socket.ts';
import { encode, statusLine } from '../notify/state.ts';
import type { NotifyTransport } from '../notify/transport.ts';
import type { Config } from '../options/config.ts';
import { handoffObstacle } from '../options/handoff.ts';
import type { ProbeSpec } from '../probes/spec.ts';
import type { PreparedWatchdog } from '../watchdog/request.ts';

/** Says hello to systemd, so that a notify socket that cannot be used is told before the app is started. */
export async function openTransport(env: Environment, inherited?: number): Promise<NotifyTransport | undefined> {
  const address = notifyAddress(env['NOTIFY_SOCKET']);
  if (!address) return undefined;
  const { openNotifySocket } = await import('../notify/open.ts');
  return openNotifySocket(address, statusLine('Starting'), inherited);
}

/** Says so in STATUS= where systemd listens, once: a way to it that is full is not waited for. */
export function tellFailure(transport: NotifyTransport | undefined, message: string): void {
  try {
    transport?.trySend(encode(statusLine(message)));
  } catch {
    // the line on stderr is the one that counts
  }
}

export async function watchdogFor(config: Config, env: Environment): Promise<PreparedWatchdog> {
  const { findWatchdog } = await import('../watchdog/request.ts');
  return findWatchdog(config, env);
}

/** The notify socket that the app sees, where its messages are asked for, or why there is none. */
export interface AppNotify {
  readonly socket?: AppNotifySocket;
  readonly problem?: string;
}

/** Opens it before the app is started, which may write to it at once. */
export async function openAppNotify(
  { probes }: Config,
  env: Environment,
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

export function prepareHandoff(env: Environment): Handoff {
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
