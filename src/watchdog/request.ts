/** What systemd's watchdog asks of us, and what has to be there for it before the app is started. */
import { join } from 'node:path';
import type { Passed } from '../app/inherited.ts';
import { appEnvironment } from '../base/environment.ts';
import { firstFree } from '../notify/listen-fds.ts';
import type { Config, WatchdogMode } from '../options/config.ts';
import { type BeatFile, openBeatFile } from './beat-file.ts';
import { whyNoBeat, withBeat } from './beat-options.ts';
import { watchdogRequest } from './watch.ts';

export interface PreparedWatchdog {
  /** ms */
  readonly intervalMs: number;
  /** As the operator wants it, or `process` where that cannot be had. */
  readonly mode: WatchdogMode;
  /** Whether the app may ping by itself: with `probe` and `loop` another's word counts. */
  readonly appMayPing: boolean;
  /** Where the app beats, for `loop`. */
  readonly file?: BeatFile;
  /** For the operator, once there is a log. */
  readonly warning?: string;
}

const NO_WATCHDOG: PreparedWatchdog = { mode: 'off', intervalMs: Number.POSITIVE_INFINITY, appMayPing: false };

/** Only where WATCHDOG_USEC is set there is something to find. */
export function findWatchdog({ watchdog: mode, args }: Config, env: NodeJS.ProcessEnv): PreparedWatchdog {
  const request = watchdogRequest(env, process.pid);
  if (request === undefined || (mode === 'off' && 'problem' in request)) return NO_WATCHDOG;
  if ('problem' in request) return { ...NO_WATCHDOG, warning: `${request.problem}: no pings for systemd's watchdog` };
  const appMayPing = mode !== 'probe' && mode !== 'loop';
  if (mode !== 'loop') return { ...request, mode, appMayPing };
  const problem = whyNoBeat(args, appEnvironment(env)['NODE_OPTIONS']);
  const file = problem === undefined ? openBeatFile(env) : { problem };
  if ('fd' in file) return { ...request, mode, appMayPing, file };
  const warning = `--watchdog loop: ${file.problem}; --watchdog process instead`;
  return { ...request, mode: 'process', appMayPing, warning };
}

/**
 * Hands the app the file to beat into, and tells its Node to.
 * @param taken descriptors of the app; with `ipc` one more is given to it, the first that is free
 */
export function handOver(
  file: BeatFile,
  intervalMs: number,
  env: Readonly<Record<string, string>>,
  { taken, ipc }: { readonly taken: readonly number[]; readonly ipc: boolean },
): { readonly env: Record<string, string>; readonly ours: readonly Passed[] } {
  const fd = firstFree(ipc ? [...taken, firstFree(taken)] : taken);
  // built beside the bundle
  const preload = join(__dirname, 'loop-beat.cjs');
  return { env: withBeat(env, { preload, fd, intervalMs, parent: process.pid }), ours: [{ from: file.fd, to: fd }] };
}
