/** Reads systemd's request for watchdog pings, and prepares for it before the app is started. */
import type { Passed } from '../app/inherited.ts';
import type { NodeCommand } from '../base/command-kind.ts';
import { appEnvironment } from '../base/environment.ts';
import { placePreload } from '../base/preload.ts';
import { firstFree } from '../notify/listen-fds.ts';
import type { Config, WatchdogMode } from '../options/config.ts';
import { type BeatFile, openBeatFile } from './beat-file.ts';
import { whyNoBeat, withBeat } from './beat-options.ts';
import { watchdogRequest } from './watch.ts';

export interface PreparedWatchdog {
  /** ms */
  readonly intervalMs: number;
  /** The operator's mode, or `process` if that is impossible. */
  readonly mode: WatchdogMode;
  /** Whether the app's own pings are relayed: with `probe` and `loop` they do not count. */
  readonly appMayPing: boolean;
  /** For `loop`. */
  readonly beat?: Beating;
  /** To be logged once there is a log. */
  readonly warning?: string;
}

const NO_WATCHDOG: PreparedWatchdog = { mode: 'off', intervalMs: Number.POSITIVE_INFINITY, appMayPing: false };

export function findWatchdog({ watchdog: mode, args }: Config, env: NodeJS.ProcessEnv): PreparedWatchdog {
  const request = watchdogRequest(env, process.pid);
  if (request === undefined || (mode === 'off' && 'problem' in request)) return NO_WATCHDOG;
  if ('problem' in request) return { ...NO_WATCHDOG, warning: `${request.problem}: no WATCHDOG=1 is sent` };
  const appMayPing = mode !== 'probe' && mode !== 'loop';
  if (mode !== 'loop') return { ...request, mode, appMayPing };
  const problem = whyNoBeat(args, appEnvironment(env)['NODE_OPTIONS']);
  const beat = problem === undefined ? prepareBeat(env) : { problem };
  if (!('problem' in beat)) return { ...request, mode, appMayPing, beat };
  const warning = `--watchdog loop: ${beat.problem}; using --watchdog process`;
  return { ...request, mode: 'process', appMayPing, warning };
}

/** The file and the preload for the app's beats. */
export interface Beating {
  readonly file: BeatFile;
  /** The path of the preload. */
  readonly preload: string;
  close(): void;
}

function prepareBeat(env: NodeJS.ProcessEnv): Beating | { readonly problem: string } {
  const file = openBeatFile(env);
  if ('problem' in file) return file;
  const preload = placePreload('loop-beat.cjs', env);
  return 'problem' in preload ? preload : { file, preload: preload.path, close: preload.close };
}

/**
 * Passes the beat file and the preload to the app's Node.
 * @param taken the app's descriptors; with `ipc` Node also takes the first free one
 */
export function handOver(
  { file, preload }: Beating,
  intervalMs: number,
  command: NodeCommand,
  { taken, ipc }: { readonly taken: readonly number[]; readonly ipc: boolean },
): NodeCommand & { readonly ours: readonly Passed[] } {
  const fd = firstFree(ipc ? [...taken, firstFree(taken)] : taken);
  return { ...withBeat(command, { preload, fd, intervalMs, parent: process.pid }), ours: [{ from: file.fd, to: fd }] };
}
